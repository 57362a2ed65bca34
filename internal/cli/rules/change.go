package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
)

// Remove is `submsg rules remove`.
type Remove struct {
	settings.Database
	Name string `arg:"" help:"The rule."`
	Yes  bool   `short:"y" help:"Don't ask."`
}

// Run removes the rule when a person has agreed, and prints what makes it again.
func (c *Remove) Run(ctx context.Context, term terminal.Terminal) error {
	return c.TableSession(ctx, term, func(conn *pgx.Conn) error {
		r, _, err := rules.Show(ctx, conn, c.Name, 0)
		if err != nil {
			return noSuchRule(ctx, conn, c.Name, err)
		}
		if !c.Yes {
			term.Out.Line("%s", sentence(r.Rule))
			if err := term.Confirm(fmt.Sprintf("Errors that go with it, and can't be replayed any more: %d. Remove "+
				"rule %s?", r.Errors, r.Name)); err != nil {
				return err
			}
		}
		if err := rules.Remove(ctx, conn, c.Name); err != nil {
			return noSuchRule(ctx, conn, c.Name, err)
		}
		term.Out.Line("rule %s removed; this makes it again:", r.Name)
		term.Out.SQL(r.Call)
		return nil
	})
}

// Replay is `submsg rules replay`.
type Replay struct {
	settings.Database
	Name string `arg:"" optional:"" help:"The rule; without it, all of them."`
}

// Run fires the stored errors again. Exit code 1 says that some are still errors.
func (c *Replay) Run(ctx context.Context, term terminal.Terminal) error {
	return c.TableSession(ctx, term, func(conn *pgx.Conn) error {
		if c.Name != "" {
			if _, _, err := rules.Show(ctx, conn, c.Name, 0); err != nil {
				return noSuchRule(ctx, conn, c.Name, err)
			}
		}
		done, err := rules.Replay(ctx, conn, c.Name)
		if err != nil {
			return err
		}
		t := terminal.NewTable("rule", "messages", "still errors", "gone", "why")
		t.Wrap(5, 60)
		var failed int64
		for _, r := range done {
			t.Row(r.Rule, r.Sent, r.Failed, r.Gone, r.Error)
			failed += r.Failed
		}
		if len(done) == 0 {
			term.Out.Line("nothing was missed")
			return nil
		}
		term.Out.Table(t)
		if failed > 0 {
			return fmt.Errorf("messages still missing: %d; `submsg rules show NAME` says of which rows", failed)
		}
		return nil
	})
}
