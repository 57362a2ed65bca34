// Package templates is the work of `submsg templates`: it shows and checks the template files, and compares them with,
// or makes them from, what WeChat has. How a template is read and rendered is in the package templates at the root.
// Begin with Command.
package templates

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/templates"
)

// Command is `submsg templates`.
type Command struct {
	List  List  `cmd:"" help:"Show the templates."`
	Check Check `cmd:"" help:"Check the template files."`
	Show  Show  `cmd:"" help:"Show one template, and the payload that parameters make."`
	Pull  Pull  `cmd:"" help:"Write files for the templates that the WeChat account has."`
}

// List is `submsg templates list`.
type List struct{ settings.Templates }

// Run prints the templates.
func (c *List) Run(term terminal.Terminal) error {
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	t := terminal.NewTable("name", "title", "params", "id")
	for _, one := range catalogue.All() {
		t.Row(one.Name, one.Title, strings.Join(one.Params, " "), one.ID)
	}
	term.Out.Table(t)
	return nil
}

// Check is `submsg templates check`.
type Check struct {
	settings.Templates
	settings.Accounts
	Dir    string `arg:"" optional:"" type:"path" help:"The folder; default SUBMSG_TEMPLATES, else the shipped ones."`
	Remote bool   `help:"Compare them with WeChat's list as well; needs the account's settings."`
}

// Run prints every mistake, or what differs from WeChat's list.
func (c *Check) Run(ctx context.Context, term terminal.Terminal) error {
	if c.Dir != "" {
		c.Templates.Dir = c.Dir
	}
	where := c.Templates.Dir
	if where == "" {
		where = "the shipped ones"
	}
	catalogue, err := fields.Load(c.Files())
	var configuration *account.Configuration
	if err == nil && (c.Folder != "" || c.Remote) {
		var list []*account.Account
		if list, err = c.Accounts.Load(settings.Log{Level: "warn"}.Logger(term)); err != nil {
			return err
		}
		configuration, err = account.Assign(list, catalogue)
	}
	if err != nil {
		mistakes := []error{err}
		if many := interface{ Unwrap() []error }(nil); errors.As(err, &many) {
			mistakes = many.Unwrap()
		}
		for _, one := range mistakes {
			term.Out.Line("%s", one)
		}
		return fmt.Errorf("%s: %d mistakes", where, len(mistakes))
	}
	term.Out.Line("%d templates, no mistakes: %s", len(catalogue.All()), where)
	if !c.Remote {
		return nil
	}
	return c.compare(ctx, term, configuration)
}

// compare compares the templates of each account with what its channel has.
func (c *Check) compare(ctx context.Context, term terminal.Terminal, configuration *account.Configuration) error {
	var errs []error
	several := len(configuration.Accounts) > 1
	for _, a := range configuration.Accounts {
		if several {
			term.Out.Line("account %s", a.Name)
		}
		listed, err := ListedOf(ctx, a, several, c.AllowHTTP)
		if err == nil {
			err = printComparison(term, configuration.TemplatesOf(a), listed)
		}
		if err != nil && several {
			err = fmt.Errorf("account %s: %w", a.Name, err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Show is `submsg templates show`.
type Show struct {
	settings.Templates
	Template string   `arg:"" help:"Its name or WeChat's id."`
	Params   []string `arg:"" optional:"" passthrough:"partial" help:"Values for its params: prints the payload."`
	Page     string   `help:"The message's page."`
}

// Run prints the template, or with parameters the payload that they make.
func (c *Show) Run(term terminal.Terminal) error {
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	t, ok := catalogue.Find(c.Template)
	if !ok {
		var names []string
		for _, one := range catalogue.All() {
			names = append(names, one.Name)
		}
		return terminal.BadUsage("no template %q; there are %s", c.Template, strings.Join(names, ", "))
	}
	if len(c.Params) == 0 {
		show(term, t)
		return nil
	}
	payload, err := t.Render(terminal.Values(c.Params), c.Page)
	if err != nil {
		return err
	}
	type value struct {
		Value string `json:"value"`
	}
	data := make(map[string]value)
	for _, item := range payload.Data {
		data[item.Key] = value{item.Value}
	}
	return term.Out.JSON(struct {
		TemplateID string           `json:"template_id"`
		Page       string           `json:"page,omitempty"`
		State      string           `json:"miniprogram_state"`
		Lang       string           `json:"lang"`
		Data       map[string]value `json:"data"`
	}{payload.TemplateID, payload.Page, payload.MiniprogramState, payload.Lang, data})
}

func show(term terminal.Terminal, t *templates.Template) {
	term.Out.Line("%s  %s", t.Name, t.Title)
	term.Out.Line("id     %s", t.ID)
	term.Out.Line("params %s", strings.Join(t.Params, ", "))
	term.Out.Line("page   %s", t.Page)
	term.Out.Line("")
	keys := terminal.NewTable("key", "type", "value")
	for _, f := range t.Fields {
		keys.Row(f.Key, f.Type, f.Value)
	}
	term.Out.Table(keys)
}
