package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/migrations"
)

type rulesCmd struct {
	Add    rulesAddCmd    `cmd:"" help:"Make a rule: which updates of which table notify whom, and say what."`
	List   rulesListCmd   `cmd:"" help:"Show the rules, and which of them are broken."`
	Show   rulesShowCmd   `cmd:"" help:"Show one rule, the SQL that makes it again, and its latest errors."`
	Remove rulesRemoveCmd `cmd:"" help:"Remove a rule; the table and its data stay."`
	Test   rulesTestCmd   `cmd:"" help:"Show the messages that an update of some rows would make, changing nothing."`
	Replay rulesReplayCmd `cmd:"" help:"Make up for the messages missed while a rule was broken."`
}

// session runs work on a connection of its own. The person sees the database's warnings, and its errors with their hints.
func (s databaseSettings) session(ctx context.Context, term terminal, work func(*pgx.Conn) error) error {
	config, err := s.connConfig()
	if err != nil {
		return err
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			fmt.Fprintln(term.err, "submsg: warning:", oneLine(withHint(strings.TrimPrefix(n.Message, "submsg: "), n.Hint)))
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Check(ctx, conn); err != nil {
		return err
	}
	return explain(work(conn))
}

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + ": " + hint
}

// explain makes a sentence of what the database refused. Wrong names and values (SQLSTATE classes 22 and 42) are wrong
// usage, a missing right (42501) isn't.
func explain(err error) error {
	pg := new(pgconn.PgError)
	if !errors.As(err, &pg) {
		return err
	}
	sentence := errors.New(withHint(pg.Message, pg.Hint))
	if class := pg.Code[:min(2, len(pg.Code))]; (class == "22" || class == "42") && pg.Code != "42501" {
		return usageError{sentence}
	}
	return sentence
}

// noSuchRule adds the names that there are to rules.ErrNoRule.
func noSuchRule(ctx context.Context, conn *pgx.Conn, name string, err error) error {
	if !errors.Is(err, rules.ErrNoRule) {
		return err
	}
	all, err := rules.List(ctx, conn)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return badUsage("no rule %q; there is none at all yet: `submsg rules add` makes one", name)
	}
	var names []string
	for _, r := range all {
		names = append(names, visible(r.Name))
	}
	return badUsage("no rule %q; there are %s", name, strings.Join(names, ", "))
}

func printJSON(term terminal, v any) error {
	encoder := json.NewEncoder(term.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
