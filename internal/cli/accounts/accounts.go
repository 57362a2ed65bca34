// Package accounts is the work of `submsg accounts`: it shows the accounts that messages go through, and asks each for
// what every send needs. How their files are read is in internal/account. Begin with Command.
package accounts

import (
	"context"
	"fmt"
	"strings"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/doctor"
)

// Command is `submsg accounts`.
type Command struct {
	List  List  `cmd:"" help:"Show the accounts, and which templates each sends."`
	Check Check `cmd:"" help:"Ask each account for what every send needs, and say what is wrong."`
}

// List is `submsg accounts list`.
type List struct {
	settings.Accounts
	settings.Templates
	settings.Output
}

// listed is an account as programs read it: without its secret.
type listed struct {
	Name      string   `json:"name"`
	Channel   string   `json:"channel"`
	AppID     string   `json:"appid,omitempty"`
	URL       string   `json:"url"`
	Rate      float64  `json:"rate"`    // 0: SUBMSG_RATE
	Senders   int      `json:"senders"` // 0: SUBMSG_SENDERS
	OnePerson bool     `json:"onePersonAtATime"`
	From      string   `json:"from"`      // its file, or variable
	Templates []string `json:"templates"` // their names
}

// Run prints the accounts.
func (c *List) Run(term terminal.Terminal) error {
	live, err := c.Live(c.Templates, settings.Log{Level: "warn"}.Logger(term))
	if err != nil {
		return err
	}
	current := live.Current()
	all := []listed{}
	for _, a := range current.Accounts {
		names := []string{}
		for _, t := range current.TemplatesOf(a) {
			names = append(names, t.Name)
		}
		all = append(all, listed{a.Name, a.Channel, a.AppID, a.URL, a.Rate, a.Senders, a.OnePersonAtATime, a.Where(),
			names})
	}
	if c.JSON {
		return term.Out.JSON(all)
	}
	t := terminal.NewTable("name", "channel", "appid", "rate", "senders", "templates")
	for _, a := range all {
		t.Row(a.Name, a.Channel, a.AppID, unlessZero(a.Rate), unlessZero(a.Senders), strings.Join(a.Templates, " "))
	}
	t.Wrap(6, 60)
	term.Out.Table(t)
	return nil
}

// unlessZero leaves out a number that nobody has set.
func unlessZero[N int | float64](n N) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// Check is `submsg accounts check`.
type Check struct {
	settings.Accounts
	settings.Output
	Names []string `arg:"" optional:"" name:"name" help:"Accounts to ask; default all."`
}

// Run asks the accounts, prints a line for each, and fails if one can't send.
func (c *Check) Run(ctx context.Context, term terminal.Terminal) error {
	list, err := c.Load(settings.Log{Level: "warn"}.Logger(term))
	if err != nil {
		return err
	}
	if list, err = chosen(list, c.Names); err != nil {
		return err
	}
	findings := Examine(ctx, list, c.WeChat)
	failed := 0
	for _, f := range findings {
		if f.Level == doctor.Fail {
			failed++
		}
		if !c.JSON {
			term.Out.Line("%s", f)
		}
	}
	if c.JSON {
		if err := term.Out.JSON(findings); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d accounts can't send", failed, len(findings))
	}
	return nil
}

func chosen(list []*account.Account, names []string) (some []*account.Account, err error) {
	if len(names) == 0 {
		return list, nil
	}
	for _, name := range names {
		a, err := Named(list, name)
		if err != nil {
			return nil, err
		}
		some = append(some, a)
	}
	return some, nil
}

// Named returns the account of a name, or says which there are.
func Named(list []*account.Account, name string) (*account.Account, error) {
	if a := account.Find(list, name); a != nil {
		return a, nil
	}
	return nil, terminal.BadUsage("there is no account %q; there are %s", name, terminal.Some(account.Names(list)))
}
