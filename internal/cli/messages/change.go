package messages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/outbox"
)

// changeSettings are what retry and cancel have in common.
type changeSettings struct {
	settings.Database
	selectSettings
	DryRun bool `help:"Only show which messages it would be."`
	Yes    bool `short:"y" help:"Don't ask."`
	Full   bool `help:"Whole openids."`
}

type Retry struct{ changeSettings }

// Run sends messages again: failed ones, unless --status or --id says otherwise.
func (c *Retry) Run(ctx context.Context, term terminal.Terminal) error {
	return c.run(ctx, term, changing{ops.Retry, []outbox.Status{outbox.Failed}, ops.Retryable,
		explain.ChangeWords.AskRetry, explain.ChangeWords.Retried})
}

type Cancel struct{ changeSettings }

// Run calls messages off: waiting ones, unless --status or --id says otherwise.
func (c *Cancel) Run(ctx context.Context, term terminal.Terminal) error {
	return c.run(ctx, term, changing{ops.Cancel, []outbox.Status{outbox.Waiting}, ops.Cancellable,
		explain.ChangeWords.AskCancel, explain.ChangeWords.Cancelled})
}

// changing is what retry and cancel differ in.
type changing struct {
	do       func(context.Context, ops.DB, ops.Selection, []int64, func(ops.Result) error) (ops.Result, error)
	usual    []outbox.Status // that is meant where nobody says
	possible []outbox.Status // for ids
	question explain.Text
	done     explain.Text
}

// firstShown is how many of the messages to be changed are shown.
const firstShown = 10

func (c *changeSettings) run(ctx context.Context, term terminal.Terminal, what changing) error {
	selected, err := c.selection()
	if err != nil {
		return err
	}
	if c.empty() {
		return terminal.BadUsage("say which messages: " +
			"--id, --template, --openid, --status, --errcode, --older or --newer")
	}
	if selected.Statuses == nil {
		selected.Statuses = what.usual
		if selected.IDs != nil {
			selected.Statuses = what.possible
		}
	}
	return c.Session(ctx, term, func(conn *pgx.Conn) error {
		ids, err := ops.Find(ctx, conn, selected, looking(ctx, term))
		if err != nil {
			return err
		}
		if err := c.preview(ctx, term, conn, selected, ids); err != nil {
			return err
		}
		switch {
		case c.DryRun:
			term.Out.Line("%s", explain.ChangeWords.Unchanged.In(explain.ByLocale()))
			return nil
		case len(ids) == 0:
			return nil
		case !c.Yes:
			if err := term.Confirm(what.question.In(explain.ByLocale())); err != nil {
				return err
			}
		}
		result, err := what.do(ctx, conn, selected, ids, progress(ctx, term, len(ids)))
		term.Out.Line("%s", what.done.In(explain.ByLocale(), result.Changed))
		return errors.Join(err, left(term, result.Left))
	})
}

// preview says how many messages were found, and shows the newest of them.
func (c *changeSettings) preview(
	ctx context.Context, term terminal.Terminal, conn *pgx.Conn, selected ops.Selection, ids []int64,
) error {
	tongue, w := explain.ByLocale(), explain.ChangeWords
	if len(ids) == 0 {
		term.Out.Line("%s", w.None.In(tongue, or(selected.Statuses)))
		return nil
	}
	tally, err := ops.Count(ctx, conn, ids)
	if err != nil {
		return err
	}
	rows, err := ops.Messages(ctx, conn, ids[:min(len(ids), firstShown)])
	if err != nil {
		return err
	}
	mask(rows, c.Full)
	var counts []string
	twice := int64(0)
	for _, t := range tally {
		counts = append(counts, fmt.Sprintf("%d %s", t.Count, t.Status))
		if t.Status == outbox.Uncertain || t.Status == outbox.Succeeded {
			twice += t.Count
		}
	}
	if n := len(selected.IDs) - len(ids); n > 0 && selected.Limit == 0 {
		term.Out.Line("%s", w.WrongIDs.In(tongue, or(selected.Statuses), n))
	}
	found := w.Found.In(tongue, len(ids), strings.Join(counts, explain.Words.Comma.In(tongue)))
	if len(ids) > len(rows) {
		found += w.Newest.In(tongue, len(rows))
	}
	term.Out.Line("%s", found)
	term.Out.Table(messageTable(rows))
	if twice > 0 {
		term.Out.Line("%s", w.Reached.In(tongue, twice))
	}
	return nil
}

func or(statuses []outbox.Status) string {
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = string(s)
	}
	return strings.Join(names, explain.Words.Or.In(explain.ByLocale()))
}

// progress tells on standard error, after each tenth of many messages, how far it is.
func progress(ctx context.Context, term terminal.Terminal, total int) func(ops.Result) error {
	const many = 5000
	told := 0
	return func(r ops.Result) error {
		through := int(r.Changed) + len(r.Left)
		if tenth := through * 10 / total; total >= many && tenth > told {
			told = tenth
			term.Tell("%d of %d messages", through, total)
		}
		return ctx.Err()
	}
}

// reasons are why messages were left as they are, and what to do then.
var reasons = map[ops.Why]explain.Text{
	ops.Locked:  explain.ChangeWords.Locked,
	ops.Changed: explain.ChangeWords.Changed,
	ops.Gone:    explain.ChangeWords.Gone,
	ops.Late:    explain.ChangeWords.Late,
	ops.Refused: explain.ChangeWords.Refused,
}

// left tells which messages were left as they are, the first of them.
func left(term terminal.Terminal, list []ops.Left) error {
	if len(list) == 0 {
		return nil
	}
	tongue := explain.ByLocale()
	t := terminal.NewTable("id", "sendStatus", explain.ChangeWords.WhyLeft.In(tongue))
	t.Wrap(3, 70)
	for _, l := range list[:min(len(list), firstShown)] {
		why := reasons[l.Why].In(tongue)
		if l.Text != "" {
			why += ": " + explain.Text{ZH: l.Text, EN: cmp.Or(l.English, l.Text)}.In(tongue)
		}
		t.Row(l.ID, l.Status, why)
	}
	term.Out.Table(t)
	return fmt.Errorf("messages left as they are: %d", len(list))
}
