package messages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/ops"
)

type Status struct {
	settings.Database
	settings.Output
	Watch bool          `short:"w" help:"Look again and again, until Ctrl-C."`
	Every time.Duration `default:"2s" help:"With --watch, how often."`
}

// Run prints on one screen how it goes.
func (c *Status) Run(ctx context.Context, term terminal.Terminal) error {
	if c.Every < 100*time.Millisecond {
		return terminal.BadUsage("--every is %s, it must be at least 100ms", c.Every)
	}
	return c.Session(ctx, term, func(conn *pgx.Conn) error {
		beside, err := c.Connect(ctx)
		if err != nil {
			return err
		}
		defer beside.Close(context.WithoutCancel(ctx))
		for first := true; ; first = false {
			s, err := ops.Look(ctx, conn, beside)
			if errors.Is(ctx.Err(), context.Canceled) && !first {
				return nil // Ctrl-C ends a watch
			}
			if err != nil {
				return err
			}
			if err := c.print(term, s); err != nil || !c.Watch {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(c.Every):
			}
		}
	})
}

func (c *Status) print(term terminal.Terminal, s ops.Status) error {
	if c.JSON {
		return term.PrintJSON(s)
	}
	screen := statusScreen(s, terminal.Language())
	if c.Watch && term.Width() > 0 {
		screen = "\x1b[H\x1b[2J" + screen
	}
	_, err := fmt.Fprintln(term.Out, screen)
	return err
}

// statusScreen is the status for people; causes and what to do are said in their tongue.
func statusScreen(s ops.Status, tongue int) string {
	parts := []string{statusNumbers(s, tongue)}
	if len(s.Problems) > 0 {
		parts = append(parts, say(tongue, "needs attention", "需要处理")+"\n"+problemTable(s, tongue))
	}
	byHand, byTry := pausesApart(s.Paused)
	if len(byHand) > 0 {
		parts = append(parts, say(tongue, "paused until a person lifts it", "已暂停，待人工解除")+"\n"+pauseTable(byHand, s.Now, tongue))
	}
	if len(byTry) > 0 {
		parts = append(parts, say(tongue, "paused by WeChat; goes on by itself when a try succeeds", "被微信暂停，试发成功后自动恢复")+"\n"+pauseTable(byTry, s.Now, tongue))
	}
	title := say(tongue, "failures of the last hour", "最近一小时的失败")
	if !s.Whole {
		title += say(tongue, ", of the last %d messages", "（最近 %d 条消息中）", s.Looked)
	}
	if len(s.Failures) > 0 {
		parts = append(parts, title+"\n"+failuresTable(s, tongue))
	} else {
		parts = append(parts, title+say(tongue, ": none", "：无"))
	}
	return strings.Join(parts, "\n\n")
}

// statusNumbers are the lines at the top: a word, and what there is to say of it.
func statusNumbers(s ops.Status, tongue int) string {
	waiting := counted(s.Waiting, tongue)
	if s.Waiting > ops.MostCounted && s.Estimate > s.Waiting {
		waiting += say(tongue, ", about %d", "，约 %d", s.Estimate)
	}
	switch {
	case s.Due > 0:
		waiting += say(tongue, "; due now %s, the first since %s", "；已到时间 %s，最早的已等 %s", counted(s.Due, tongue), ago(seconds(s.Oldest)))
	case s.Next > 0:
		waiting += say(tongue, "; none due, the next in %s", "；都未到时间，下一条在 %s 后", ago(seconds(s.Next)))
	}
	sending := fmt.Sprint(s.Sending)
	if s.Overdue > 0 {
		sending += say(tongue, "; past their lease: %d", "；超过租约 %d", s.Overdue)
	}
	rates := []string{say(tongue, "inserted %.0f", "写入 %.0f", s.Rates.Inserted)}
	for _, r := range []struct {
		word string
		n    float64
	}{{"success", s.Rates.Success}, {"fail", s.Rates.Fail}, {"unknown", s.Rates.Unknown}, {"expired", s.Rates.Expired}} {
		if r.n > 0 {
			rates = append(rates, fmt.Sprintf("%s %.0f", r.word, r.n))
		}
	}
	lines := [][2]string{{say(tongue, "at", "时间"), s.Now.Local().Format(time.DateTime)}, {say(tongue, "waiting", "等待"), waiting}, {say(tongue, "sending", "发送中"), sending},
		{say(tongue, "per minute", "每分钟"), strings.Join(rates, say(tongue, ", ", "，"))}, {"submsg serve", replicas(s, tongue)}}
	written := make([]string, len(lines))
	for i, line := range lines {
		written[i] = text.Pad(line[0], 13, ' ') + " " + line[1]
	}
	return strings.Join(written, "\n")
}

// counted is a number that was counted no further than ops.MostCounted.
func counted(n int64, tongue int) string {
	if n > ops.MostCounted {
		return say(tongue, "more than %d", "超过 %d", ops.MostCounted)
	}
	return fmt.Sprint(n)
}

func seconds(s float64) time.Duration {
	const most = 1e9 // some thirty years; a time.Duration ends at 292
	return time.Duration(min(s, most) * float64(time.Second))
}

// replicas says who serves, and whether wakes come to them.
func replicas(s ops.Status, tongue int) string {
	if len(s.Replicas) == 0 {
		return say(tongue, "not connected", "未连接")
	}
	listening := int64(0)
	var hosts []string
	for _, r := range s.Replicas {
		listening += r.Listens
		host := cmp.Or(r.Host, say(tongue, "local", "本机"))
		if r.Since != nil {
			host += say(tongue, " for %s", " 已 %s", ago(s.Now.Sub(*r.Since)))
		}
		hosts = append(hosts, host)
	}
	wakes := say(tongue, "asleep until a wake", "空闲，等待唤醒")
	switch {
	case listening == 0:
		wakes = say(tongue, "wakes don't arrive: it polls", "收不到唤醒，靠轮询")
	case s.Awake:
		wakes = say(tongue, "awake", "工作中")
	}
	return say(tongue, "%d listening, %s (%s)", "%d 个在监听，%s（%s）", listening, wakes, strings.Join(hosts, say(tongue, "; ", "；")))
}

func problemTable(s ops.Status, tongue int) string {
	t := terminal.NewTable(say(tongue, "what", "事项"), "", say(tongue, "what to do", "如何处理"))
	t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(2, 24), terminal.Wrapped(3, 76)})
	for _, p := range s.Problems {
		t.AppendRow(table.Row{factName(p.Name, tongue), terminal.Visible(p.Value), terminal.Visible([...]string{p.English, p.Remark}[tongue])})
	}
	return t.Render()
}

// pausesApart tells those that only a person lifts from those that a try may lift.
func pausesApart(all []ops.Pause) (byHand, byTry []ops.Pause) {
	for _, p := range all {
		if p.NextProbe == nil {
			byHand = append(byHand, p)
		} else {
			byTry = append(byTry, p)
		}
	}
	return byHand, byTry
}

func pauseTable(pauses []ops.Pause, now time.Time, tongue int) string {
	t := terminal.NewTable(say(tongue, "what", "事项"), say(tongue, "why", "原因"), say(tongue, "since", "开始"), say(tongue, "next try", "下次试发"), say(tongue, "waiting", "等待"))
	t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(1, 24), terminal.Wrapped(2, 60)})
	for _, p := range pauses {
		waiting := fmt.Sprint(p.Waiting)
		if p.WaitingOf >= ops.MostCounted {
			waiting = say(tongue, "%d of the first %d", "%d（只看前 %d 条）", p.Waiting, p.WaitingOf)
		}
		t.AppendRow(table.Row{terminal.Visible(p.What), terminal.Visible(pauseReason(p, tongue)), distance(p.Since, now, tongue), nextTry(p, now, tongue), waiting})
	}
	return t.Render()
}

func nextTry(p ops.Pause, now time.Time, tongue int) string {
	if p.NextProbe == nil {
		return neverWord.in(tongue)
	}
	if p.NextProbe.After(now) {
		return distance(*p.NextProbe, now, tongue)
	}
	return nowWord.in(tongue)
}

func failuresTable(s ops.Status, tongue int) string {
	t := terminal.NewTable(say(tongue, "messages", "条数"), say(tongue, "status", "状态"), say(tongue, "errcode", "错误码"), say(tongue, "cause", "原因"),
		say(tongue, "what to do", "如何处理"), say(tongue, "for example", "例如"))
	t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(4, 36), terminal.Wrapped(5, 44)})
	for _, f := range s.Failures {
		code := ""
		if f.ErrCode != nil {
			code = fmt.Sprint(*f.ErrCode)
		}
		cause, next := inTongue(f.Cause, tongue)
		t.AppendRow(table.Row{f.Count, f.Status, code, terminal.Visible(cause), terminal.Visible(next), f.Example})
	}
	return t.Render()
}

// english is the tongue of those whose locale doesn't say Chinese.
const english = 0

func inTongue(c ops.Cause, tongue int) (cause, next string) {
	if tongue == english {
		return c.CauseEnglish, c.NextStepEnglish
	}
	return c.Cause, c.NextStep
}
