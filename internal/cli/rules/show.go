package rules

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
)

// List is `submsg rules list`.
type List struct {
	settings.Database
	settings.Output
}

// Run prints the rules, each with its state.
func (c *List) Run(ctx context.Context, term terminal.Terminal) error {
	return c.TableSession(ctx, term, func(conn *pgx.Conn) error {
		all, err := rules.List(ctx, conn)
		if err != nil {
			return err
		}
		if c.JSON {
			return term.Out.JSON(all)
		}
		t := terminal.NewTable("name", "on", "fires when", "template", "state", "errors")
		t.Wrap(1, 30)
		t.Wrap(3, 40)
		t.Wrap(5, 40)
		for _, r := range all {
			t.Row(r.Name, r.Table, firing(r.Rule), r.Template, state(r), r.Errors)
		}
		term.Out.Table(t)
		return nil
	})
}

func state(r rules.Listed) string {
	if r.Problem == "" {
		return "ok"
	}
	return "broken: " + r.Problem
}

// Show is `submsg rules show`.
type Show struct {
	settings.Database
	settings.Templates
	settings.Output
	Name string `arg:"" help:"The rule."`
	Last int    `default:"10" help:"How many of its errors, the latest first."`
}

// Run prints the rule in a sentence and as SQL, and the latest updates whose message is missing.
func (c *Show) Run(ctx context.Context, term terminal.Terminal) error {
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	return c.TableSession(ctx, term, func(conn *pgx.Conn) error {
		r, failures, err := rules.Show(ctx, conn, c.Name, c.Last)
		if err != nil {
			return noSuchRule(ctx, conn, c.Name, err)
		}
		if c.JSON {
			return term.Out.JSON(struct {
				rules.Listed
				Failures []rules.Failure `json:"failures,omitempty"`
			}{r, failures})
		}
		term.Out.Line("%s: %s", r.Name, state(r))
		term.Out.Line("%s", sentence(r.Rule))
		term.Out.Table(paramTable(r.Rule, catalogue))
		term.Out.Line("")
		term.Out.SQL(r.Call)
		if len(failures) > 0 {
			term.Out.Line("")
			term.Out.Line("updates whose message is missing: %d; `submsg rules replay` tries them again:", r.Errors)
			term.Out.Table(failureTable(failures))
		}
		return nil
	})
}

func failureTable(failures []rules.Failure) *terminal.Table {
	t := terminal.NewTable("time", "row", "error")
	t.Wrap(3, 60)
	for _, f := range failures {
		var key []string
		for _, column := range slices.Sorted(maps.Keys(f.RowKey)) {
			key = append(key, column+"="+f.RowKey[column])
		}
		t.Row(f.At.Local().Format(time.DateTime), strings.Join(key, " "), f.Error)
	}
	return t
}
