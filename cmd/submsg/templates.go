package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/templates"
)

type templatesCmd struct {
	List  templatesListCmd  `cmd:"" help:"Show the templates."`
	Check templatesCheckCmd `cmd:"" help:"Check the template files."`
	Show  templatesShowCmd  `cmd:"" help:"Show one template, and the payload that parameters make."`
	Pull  templatesPullCmd  `cmd:"" help:"Write files for the templates that the WeChat account has."`
}

type templatesListCmd struct{ templateSettings }

func (c *templatesListCmd) Run(term terminal) error {
	catalogue, err := c.load()
	if err != nil {
		return err
	}
	t := newTable("name", "title", "params", "id")
	for _, one := range catalogue.All() {
		t.AppendRow(table.Row{one.Name, one.Title, strings.Join(one.Params, " "), one.ID})
	}
	fmt.Fprintln(term.out, t.Render())
	return nil
}

type templatesCheckCmd struct {
	templateSettings
	wechatSettings
	Dir    string `arg:"" optional:"" type:"path" help:"The folder; default SUBMSG_TEMPLATES, else the shipped ones."`
	Remote bool   `help:"Compare them with WeChat's list as well; needs the account's settings."`
}

func (c *templatesCheckCmd) Run(ctx context.Context, term terminal) error {
	if c.Dir != "" {
		c.Templates = c.Dir
	}
	where := c.Templates
	if where == "" {
		where = "the shipped ones"
	}
	catalogue, err := templates.Load(c.files())
	if err != nil {
		mistakes := strings.Split(err.Error(), "\n")
		for _, line := range mistakes {
			fmt.Fprintln(term.out, line)
		}
		return fmt.Errorf("%s: %d mistakes", where, len(mistakes))
	}
	fmt.Fprintf(term.out, "%d templates, no mistakes: %s\n", len(catalogue.All()), where)
	if !c.Remote {
		return nil
	}
	listed, err := c.list(ctx, term)
	if err != nil {
		return err
	}
	return printComparison(term, catalogue.All(), listed)
}

type templatesShowCmd struct {
	templateSettings
	Template string   `arg:"" help:"Its name or WeChat's id."`
	Params   []string `arg:"" optional:"" passthrough:"partial" help:"Values for its params: prints the payload."`
	Page     string   `help:"The message's page."`
}

func (c *templatesShowCmd) Run(term terminal) error {
	catalogue, err := c.load()
	if err != nil {
		return err
	}
	t, ok := catalogue.Find(c.Template)
	if !ok {
		var names []string
		for _, one := range catalogue.All() {
			names = append(names, one.Name)
		}
		return badUsage("no template %q; there are %s", c.Template, strings.Join(names, ", "))
	}
	if len(c.Params) == 0 {
		show(term, t)
		return nil
	}
	payload, err := t.Render(values(c.Params), c.Page)
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
	encoder := json.NewEncoder(term.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		TemplateID string           `json:"template_id"`
		Page       string           `json:"page,omitempty"`
		State      string           `json:"miniprogram_state"`
		Lang       string           `json:"lang"`
		Data       map[string]value `json:"data"`
	}{payload.TemplateID, payload.Page, payload.MiniprogramState, payload.Lang, data})
}

func show(term terminal, t *templates.Template) {
	fmt.Fprintf(term.out, "%s  %s\nid     %s\nparams %s\npage   %s\n\n", t.Name, t.Title, t.ID, strings.Join(t.Params, ", "), t.Page)
	keys := newTable("key", "type", "value")
	for _, f := range t.Fields {
		keys.AppendRow(table.Row{f.Key, string(f.Type), f.Value})
	}
	fmt.Fprintln(term.out, keys.Render())
}
