package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/internal/ops"
)

type statusCmd struct {
	databaseSettings
	jsonSettings
	Watch bool          `short:"w" help:"Look again and again, until Ctrl-C."`
	Every time.Duration `default:"2s" help:"With --watch, how often."`
}

// Run prints on one screen how it goes.
func (c *statusCmd) Run(ctx context.Context, term terminal) error {
	if c.Every < 100*time.Millisecond {
		return badUsage("--every is %s, it must be at least 100ms", c.Every)
	}
	return c.session(ctx, term, func(conn *pgx.Conn) error {
		for first := true; ; first = false {
			s, err := ops.Look(ctx, conn)
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

func (c *statusCmd) print(term terminal, s ops.Status) error {
	if c.JSON {
		return printJSON(term, s)
	}
	screen := statusScreen(s, language())
	if c.Watch && width(term) > 0 {
		screen = "\x1b[H\x1b[2J" + screen
	}
	_, err := fmt.Fprintln(term.out, screen)
	return err
}

// statusScreen is the status for people; causes and what to do are said in their tongue.
func statusScreen(s ops.Status, tongue int) string {
	parts := []string{statusNumbers(s)}
	if len(s.Problems) > 0 {
		parts = append(parts, "needs attention\n"+problemTable(s, tongue))
	}
	byHand, byTry := pausesApart(s.Paused)
	if len(byHand) > 0 {
		parts = append(parts, "paused until a person lifts it\n"+pauseTable(byHand, s.Now, tongue))
	}
	if len(byTry) > 0 {
		parts = append(parts, "paused by WeChat; goes on by itself when a try succeeds\n"+pauseTable(byTry, s.Now, tongue))
	}
	title := "failures of the last hour"
	if !s.Whole {
		title = fmt.Sprintf("failures of the last hour, of the last %d messages", s.Looked)
	}
	if len(s.Failures) > 0 {
		parts = append(parts, title+"\n"+failuresTable(s, tongue))
	} else {
		parts = append(parts, title+": none")
	}
	return strings.Join(parts, "\n\n")
}

// statusNumbers are the lines at the top: a word, and what there is to say of it.
func statusNumbers(s ops.Status) string {
	waiting := counted(s.Waiting)
	if s.Waiting > ops.MostCounted && s.Estimate > s.Waiting {
		waiting += fmt.Sprintf(", about %d", s.Estimate)
	}
	switch {
	case s.Due > 0:
		waiting += fmt.Sprintf("; due now %s, the first since %s", counted(s.Due), ago(seconds(s.Oldest)))
	case s.Next > 0:
		waiting += fmt.Sprintf("; none due, the next in %s", ago(seconds(s.Next)))
	}
	sending := fmt.Sprint(s.Sending)
	if s.Overdue > 0 {
		sending += fmt.Sprintf("; past their lease: %d", s.Overdue)
	}
	rates := []string{fmt.Sprintf("inserted %.0f", s.Rates.Inserted)}
	for _, r := range []struct {
		word string
		n    float64
	}{{"success", s.Rates.Success}, {"fail", s.Rates.Fail}, {"unknown", s.Rates.Unknown}, {"expired", s.Rates.Expired}} {
		if r.n > 0 {
			rates = append(rates, fmt.Sprintf("%s %.0f", r.word, r.n))
		}
	}
	lines := [][2]string{{"at", s.Now.Local().Format(time.DateTime)}, {"waiting", waiting}, {"sending", sending},
		{"per minute", strings.Join(rates, ", ")}, {"submsg serve", replicas(s)}}
	written := make([]string, len(lines))
	for i, line := range lines {
		written[i] = fmt.Sprintf("%-13s %s", line[0], line[1])
	}
	return strings.Join(written, "\n")
}

// counted is a number that was counted no further than ops.MostCounted.
func counted(n int64) string {
	if n > ops.MostCounted {
		return fmt.Sprintf("more than %d", ops.MostCounted)
	}
	return fmt.Sprint(n)
}

func seconds(s float64) time.Duration {
	const most = 1e9 // some thirty years; a time.Duration ends at 292
	return time.Duration(min(s, most) * float64(time.Second))
}

// replicas says who serves, and whether wakes come to them.
func replicas(s ops.Status) string {
	if len(s.Replicas) == 0 {
		return "not connected"
	}
	listening := int64(0)
	var hosts []string
	for _, r := range s.Replicas {
		listening += r.Listens
		host := cmp.Or(r.Host, "local")
		if r.Since != nil {
			host += " for " + ago(s.Now.Sub(*r.Since))
		}
		hosts = append(hosts, host)
	}
	wakes := "asleep until a wake"
	switch {
	case listening == 0:
		wakes = "wakes don't arrive: it polls"
	case s.Awake:
		wakes = "awake"
	}
	return fmt.Sprintf("%d listening, %s (%s)", listening, wakes, strings.Join(hosts, "; "))
}

func problemTable(s ops.Status, tongue int) string {
	t := newTable("what", "", "what to do")
	t.SetColumnConfigs([]table.ColumnConfig{wrapped(2, 24), wrapped(3, 76)})
	for _, p := range s.Problems {
		t.AppendRow(table.Row{p.Name, visible(p.Value), visible([...]string{p.English, p.Remark}[tongue])})
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
	t := newTable("what", "why", "since", "next try", "waiting")
	t.SetColumnConfigs([]table.ColumnConfig{wrapped(1, 24), wrapped(2, 60)})
	for _, p := range pauses {
		waiting := fmt.Sprint(p.Waiting)
		if p.WaitingOf >= ops.MostCounted {
			waiting = fmt.Sprintf("%d of the first %d", p.Waiting, p.WaitingOf)
		}
		t.AppendRow(table.Row{visible(p.What), visible(pauseReason(p, tongue)), distance(p.Since, now, tongue), nextTry(p, now, tongue), waiting})
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
	t := newTable("messages", "status", "errcode", "cause", "what to do", "for example")
	t.SetColumnConfigs([]table.ColumnConfig{wrapped(4, 36), wrapped(5, 44)})
	for _, f := range s.Failures {
		code := ""
		if f.ErrCode != nil {
			code = fmt.Sprint(*f.ErrCode)
		}
		cause, next := inTongue(f.Cause, tongue)
		t.AppendRow(table.Row{f.Count, f.Status, code, visible(cause), visible(next), f.Example})
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
