package rules

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

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
			return term.PrintJSON(all)
		}
		t := terminal.NewTable("name", "on", "fires when", "template", "state", "errors")
		t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(1, 30), terminal.Wrapped(3, 40),
			terminal.Wrapped(5, 40)})
		for _, r := range all {
			t.AppendRow(table.Row{terminal.Visible(r.Name), terminal.Visible(r.Table), firing(r.Rule),
				terminal.Visible(r.Template), state(r), r.Errors})
		}
		fmt.Fprintln(term.Out, t.Render())
		return nil
	})
}

func state(r rules.Listed) string {
	if r.Problem == "" {
		return "ok"
	}
	return "broken: " + terminal.Visible(r.Problem)
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
			return term.PrintJSON(struct {
				rules.Listed
				Failures []rules.Failure `json:"failures,omitempty"`
			}{r, failures})
		}
		fmt.Fprintf(term.Out, "%s: %s\n%s\n%s\n\n%s\n", terminal.Visible(r.Name), state(r), sentence(r.Rule),
			paramTable(r.Rule, catalogue), statement(r.Call))
		if len(failures) > 0 {
			fmt.Fprintf(term.Out, "\nupdates whose message is missing: %d; `submsg rules replay` tries them "+
				"again:\n%s\n", r.Errors, failureTable(failures))
		}
		return nil
	})
}

// statement is SQL with its line breaks.
func statement(sql string) string {
	lines := strings.Split(sql, "\n")
	for i, line := range lines {
		lines[i] = terminal.Visible(line)
	}
	return strings.Join(lines, "\n")
}

func failureTable(failures []rules.Failure) string {
	t := terminal.NewTable("time", "row", "error")
	t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(3, 60)})
	for _, f := range failures {
		var key []string
		for _, column := range slices.Sorted(maps.Keys(f.RowKey)) {
			key = append(key, terminal.Visible(column+"="+f.RowKey[column]))
		}
		t.AppendRow(table.Row{f.At.Local().Format(time.DateTime), strings.Join(key, " "), terminal.Visible(f.Error)})
	}
	return t.Render()
}
