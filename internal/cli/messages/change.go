package messages

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
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
	return c.run(ctx, term, changing{ops.Retry, []outbox.Status{outbox.Failed}, ops.Retryable, phrase{"Send them again?", "重新发送这些消息吗？"}, phrase{"messages set to wait: %d", "已改为 wait：%d 条"}})
}

type Cancel struct{ changeSettings }

// Run calls messages off: waiting ones, unless --status or --id says otherwise.
func (c *Cancel) Run(ctx context.Context, term terminal.Terminal) error {
	return c.run(ctx, term, changing{ops.Cancel, []outbox.Status{outbox.Waiting}, ops.Cancellable, phrase{"Call them off?", "取消这些消息吗？"}, phrase{"messages called off: %d", "已取消：%d 条"}})
}

// changing is what retry and cancel differ in.
type changing struct {
	do       func(context.Context, ops.DB, ops.Selection, []int64, func(ops.Result) error) (ops.Result, error)
	usual    []outbox.Status // that is meant where nobody says
	possible []outbox.Status // for ids
	question phrase
	done     phrase
}

// firstShown is how many of the messages to be changed are shown.
const firstShown = 10

func (c *changeSettings) run(ctx context.Context, term terminal.Terminal, what changing) error {
	selected, err := c.selection()
	if err != nil {
		return err
	}
	if c.empty() {
		return terminal.BadUsage("say which messages: --id, --template, --openid, --status, --errcode, --older or --newer")
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
			fmt.Fprintln(term.Out, say(terminal.Language(), "nothing was changed", "没有任何改动"))
			return nil
		case len(ids) == 0:
			return nil
		case !c.Yes:
			if err := term.Confirm(what.question.in(terminal.Language())); err != nil {
				return err
			}
		}
		result, err := what.do(ctx, conn, selected, ids, progress(ctx, term, len(ids)))
		fmt.Fprintln(term.Out, what.done.in(terminal.Language(), result.Changed))
		return errors.Join(err, left(term, result.Left))
	})
}

// preview says how many messages were found, and shows the newest of them.
func (c *changeSettings) preview(ctx context.Context, term terminal.Terminal, conn *pgx.Conn, selected ops.Selection, ids []int64) error {
	tongue := terminal.Language()
	if len(ids) == 0 {
		fmt.Fprintln(term.Out, say(tongue, "no such messages that are %s", "没有状态为 %s 的此类消息", or(selected.Statuses)))
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
		fmt.Fprintln(term.Out, say(tongue, "ids of no message, or of one that isn't %s: %d", "没有对应消息或状态不是 %s 的 id：%d 个", or(selected.Statuses), n))
	}
	fmt.Fprint(term.Out, say(tongue, "messages found: %d (%s)", "找到 %d 条消息（%s）", len(ids), strings.Join(counts, say(tongue, ", ", "，"))))
	if len(ids) > len(rows) {
		fmt.Fprint(term.Out, say(tongue, "; the newest %d:", "；最新的 %d 条：", len(rows)))
	}
	fmt.Fprintf(term.Out, "\n%s\n", messageTable(rows))
	if twice > 0 {
		fmt.Fprintln(term.Out, say(tongue, "of these, so many have reached their users already, or may have: %d", "其中用户已收到或可能已收到的：%d 条", twice))
	}
	return nil
}

func or(statuses []outbox.Status) string {
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = string(s)
	}
	return strings.Join(names, say(terminal.Language(), " or ", " 或 "))
}

// progress tells on standard error, after each tenth of many messages, how far it is.
func progress(ctx context.Context, term terminal.Terminal, total int) func(ops.Result) error {
	const many = 5000
	told := 0
	return func(r ops.Result) error {
		through := int(r.Changed) + len(r.Left)
		if tenth := through * 10 / total; total >= many && tenth > told {
			told = tenth
			fmt.Fprintf(term.Err, "submsg: %d of %d messages\n", through, total)
		}
		return ctx.Err()
	}
}

// reasons are why messages were left as they are, and what to do then.
var reasons = map[ops.Why]phrase{
	ops.Locked:  {"somebody is editing it: try again when their transaction has ended", "有人正在修改它：待其事务结束后再试"},
	ops.Changed: {"it was changed meanwhile", "期间已被修改"},
	ops.Gone:    {"it was deleted meanwhile", "期间已被删除"},
	ops.Late:    {"its expireTime is over: set expireTime to a later time or NULL first", "已过 expireTime：先将 expireTime 改为以后的时间或 NULL"},
	ops.Refused: {"the database refuses", "数据库拒绝"},
}

// left tells which messages were left as they are, the first of them.
func left(term terminal.Terminal, list []ops.Left) error {
	if len(list) == 0 {
		return nil
	}
	t := terminal.NewTable("id", "sendStatus", say(terminal.Language(), "why it was left as it is", "未改动的原因"))
	t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(3, 70)})
	for _, l := range list[:min(len(list), firstShown)] {
		why := reasons[l.Why].in(terminal.Language())
		if l.Text != "" {
			why += ": " + terminal.Visible(l.Text)
		}
		t.AppendRow(table.Row{l.ID, l.Status, why})
	}
	fmt.Fprintln(term.Out, t.Render())
	return fmt.Errorf("messages left as they are: %d", len(list))
}
