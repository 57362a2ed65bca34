package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/submsg/submsg/internal/rules"
)

// jsonSettings let a program read what a command prints.
type jsonSettings struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type rulesListCmd struct {
	databaseSettings
	jsonSettings
}

func (c *rulesListCmd) Run(ctx context.Context, term terminal) error {
	return c.session(ctx, term, func(conn *pgx.Conn) error {
		all, err := rules.List(ctx, conn)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(term, all)
		}
		t := newTable("name", "on", "fires when", "template", "state", "errors")
		t.SetColumnConfigs([]table.ColumnConfig{wrapped(1, 30), wrapped(3, 40), wrapped(5, 40)})
		for _, r := range all {
			t.AppendRow(table.Row{visible(r.Name), visible(r.Table), firing(r.Rule), visible(r.Template), state(r), r.Errors})
		}
		fmt.Fprintln(term.out, t.Render())
		return nil
	})
}

func state(r rules.Listed) string {
	if r.Problem == "" {
		return "ok"
	}
	return "broken: " + visible(r.Problem)
}

type rulesShowCmd struct {
	databaseSettings
	templateSettings
	jsonSettings
	Name string `arg:"" help:"The rule."`
	Last int    `default:"10" help:"How many of its errors, the latest first."`
}

func (c *rulesShowCmd) Run(ctx context.Context, term terminal) error {
	catalogue, err := c.load()
	if err != nil {
		return err
	}
	return c.session(ctx, term, func(conn *pgx.Conn) error {
		r, failures, err := rules.Show(ctx, conn, c.Name, c.Last)
		if err != nil {
			return noSuchRule(ctx, conn, c.Name, err)
		}
		if c.JSON {
			return printJSON(term, struct {
				rules.Listed
				Failures []rules.Failure `json:"failures,omitempty"`
			}{r, failures})
		}
		fmt.Fprintf(term.out, "%s: %s\n%s\n%s\n\n%s\n", visible(r.Name), state(r), sentence(r.Rule), paramTable(r.Rule, catalogue), statement(r.Call))
		if len(failures) > 0 {
			fmt.Fprintf(term.out, "\nupdates whose message is missing: %d; `submsg rules replay` tries them again:\n%s\n", r.Errors, failureTable(failures))
		}
		return nil
	})
}

// statement is SQL with its line breaks.
func statement(sql string) string {
	lines := strings.Split(sql, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

func failureTable(failures []rules.Failure) string {
	t := newTable("time", "row", "error")
	t.SetColumnConfigs([]table.ColumnConfig{wrapped(3, 60)})
	for _, f := range failures {
		var key []string
		for _, column := range slices.Sorted(maps.Keys(f.RowKey)) {
			key = append(key, visible(column+"="+f.RowKey[column]))
		}
		t.AppendRow(table.Row{f.At.Local().Format(time.DateTime), strings.Join(key, " "), visible(f.Error)})
	}
	return t.Render()
}

// wrapped keeps a column within a width, and its lines apart.
func wrapped(column, width int) table.ColumnConfig {
	return table.ColumnConfig{Number: column, WidthMax: width, WidthMaxEnforcer: func(s string, width int) string {
		lines := strings.Split(s, "\n")
		for i, line := range lines {
			lines[i] = text.WrapSoft(line, width)
		}
		return strings.Join(lines, "\n")
	}}
}
