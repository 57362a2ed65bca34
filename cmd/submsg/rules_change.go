package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/internal/rules"
)

type rulesRemoveCmd struct {
	databaseSettings
	Name string `arg:"" help:"The rule."`
	Yes  bool   `short:"y" help:"Don't ask."`
}

func (c *rulesRemoveCmd) Run(ctx context.Context, term terminal) error {
	return c.session(ctx, term, func(conn *pgx.Conn) error {
		r, _, err := rules.Show(ctx, conn, c.Name, 0)
		if err != nil {
			return noSuchRule(ctx, conn, c.Name, err)
		}
		if !c.Yes {
			if err := confirm(term, fmt.Sprintf("%s\nErrors that go with it, and can't be replayed any more: %d. Remove rule %s?", sentence(r.Rule), r.Errors, visible(r.Name))); err != nil {
				return err
			}
		}
		if err := rules.Remove(ctx, conn, c.Name); err != nil {
			return noSuchRule(ctx, conn, c.Name, err)
		}
		fmt.Fprintf(term.out, "rule %s removed; this makes it again:\n%s\n", visible(r.Name), statement(r.Call))
		return nil
	})
}

// confirm asks a question whose answer must be y or yes. Where nobody answers, --yes has to.
func confirm(term terminal, question string) error {
	fmt.Fprintf(term.out, "%s [y/N] ", question)
	answer, err := bufio.NewReader(term.in).ReadString('\n')
	fmt.Fprintln(term.out)
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	case "":
		if errors.Is(err, io.EOF) {
			return badUsage("nobody answers here: say --yes, if you are sure")
		}
	}
	return errors.New("nothing was changed")
}

type rulesReplayCmd struct {
	databaseSettings
	Name string `arg:"" optional:"" help:"The rule; without it, all of them."`
}

// Run fires the stored errors again. Exit code 1 says that some are still errors.
func (c *rulesReplayCmd) Run(ctx context.Context, term terminal) error {
	return c.session(ctx, term, func(conn *pgx.Conn) error {
		if c.Name != "" {
			if _, _, err := rules.Show(ctx, conn, c.Name, 0); err != nil {
				return noSuchRule(ctx, conn, c.Name, err)
			}
		}
		done, err := rules.Replay(ctx, conn, c.Name)
		if err != nil {
			return err
		}
		t := newTable("rule", "messages", "still errors", "gone", "why")
		t.SetColumnConfigs([]table.ColumnConfig{wrapped(5, 60)})
		var failed int64
		for _, r := range done {
			t.AppendRow(table.Row{visible(r.Rule), r.Sent, r.Failed, r.Gone, visible(r.Error)})
			failed += r.Failed
		}
		if len(done) == 0 {
			fmt.Fprintln(term.out, "nothing was missed")
			return nil
		}
		fmt.Fprintln(term.out, t.Render())
		if failed > 0 {
			return fmt.Errorf("messages still missing: %d; `submsg rules show NAME` says of which rows", failed)
		}
		return nil
	})
}
