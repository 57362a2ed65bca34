package messages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
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
		return term.Out.JSON(s)
	}
	screen := statusScreen(s, explain.ByLocale())
	if c.Watch {
		term.Out.Clear()
	}
	term.Out.Text(screen)
	return term.Out.Flush()
}

// statusScreen is the status for people; causes and what to do are said in their tongue.
func statusScreen(s ops.Status, tongue explain.Tongue) string {
	w := explain.StatusWords
	parts := []string{statusNumbers(s, tongue)}
	if table := problemTable(s, tongue); table.Len() > 0 {
		parts = append(parts, w.Attention.In(tongue)+"\n"+table.String())
	}
	byHand, byTry := pausesApart(s.Paused)
	if len(byHand) > 0 {
		parts = append(parts, w.ByHand.In(tongue)+"\n"+pauseTable(byHand, s.Now, tongue))
	}
	if len(byTry) > 0 {
		parts = append(parts, w.ByTry.In(tongue)+"\n"+pauseTable(byTry, s.Now, tongue))
	}
	title := w.Failures.In(tongue)
	if !s.Whole {
		title += w.OfLast.In(tongue, s.Looked)
	}
	if len(s.Failures) > 0 {
		parts = append(parts, title+"\n"+failuresTable(s, tongue))
	} else {
		parts = append(parts, title+w.None.In(tongue))
	}
	return strings.Join(parts, "\n\n")
}

// statusNumbers are the lines at the top: a word, and what there is to say of it.
func statusNumbers(s ops.Status, tongue explain.Tongue) string {
	w := explain.StatusWords
	waiting := counted(s.Waiting).In(tongue)
	if s.Waiting > ops.MostCounted && s.Estimate > s.Waiting {
		waiting += w.About.In(tongue, s.Estimate)
	}
	switch {
	case s.Due > 0:
		waiting += w.DueNow.In(tongue, counted(s.Due).In(tongue), explain.Span(seconds(s.Oldest)))
	case s.Next > 0:
		waiting += w.NoneDue.In(tongue, explain.Span(seconds(s.Next)))
	}
	sending := fmt.Sprint(s.Sending)
	ahead := int32(0)
	for _, p := range s.Serving {
		ahead += p.Ahead
	}
	if ahead > 0 {
		sending += w.Ahead.In(tongue, ahead)
	}
	if s.Overdue > 0 {
		sending += w.Overdue.In(tongue, s.Overdue)
	}
	rates := []string{w.Inserted.In(tongue, s.Rates.Inserted)}
	for _, r := range []struct {
		word string
		n    float64
	}{
		{"success", s.Rates.Success}, {"fail", s.Rates.Fail},
		{"unknown", s.Rates.Unknown}, {"expired", s.Rates.Expired},
	} {
		if r.n > 0 {
			rates = append(rates, fmt.Sprintf("%s %.0f", r.word, r.n))
		}
	}
	lines := [][2]string{
		{w.At.In(tongue), s.Now.Local().Format(time.DateTime)},
		{w.Waiting.In(tongue), waiting},
		{w.Sending.In(tongue), sending},
		{w.PerMinute.In(tongue), strings.Join(rates, explain.Words.Comma.In(tongue))},
		{"submsg serve", replicas(s, tongue)},
	}
	written := make([]string, len(lines))
	for i, line := range lines {
		written[i] = text.Pad(line[0], 13, ' ') + " " + line[1]
	}
	return strings.Join(written, "\n")
}

func seconds(s float64) time.Duration {
	const most = 1e9 // some thirty years; a time.Duration ends at 292
	return time.Duration(min(s, most) * float64(time.Second))
}

// replicas says who serves, and whether wakes come to them.
func replicas(s ops.Status, tongue explain.Tongue) string {
	w := explain.StatusWords
	if len(s.Replicas) == 0 {
		return w.Absent.In(tongue)
	}
	listening := int64(0)
	var hosts []string
	for _, r := range s.Replicas {
		listening += r.Listens
		host := cmp.Or(r.Host, w.Local.In(tongue))
		if r.Since != nil {
			host += w.For.In(tongue, explain.Span(s.Now.Sub(*r.Since)))
		}
		hosts = append(hosts, host)
	}
	wakes := w.Asleep
	switch {
	case listening == 0:
		wakes = w.Polling
	case s.Awake:
		wakes = w.Awake
	}
	return w.Serving.In(tongue, listening, wakes.In(tongue), strings.Join(hosts, explain.Words.Semicolon.In(tongue)))
}

// problemTable is what a person should look at: what the processes of submsg serve say, and what the database tells.
func problemTable(s ops.Status, tongue explain.Tongue) *terminal.Table {
	t := terminal.NewTable(explain.Words.What.In(tongue), "", explain.Words.ToDo.In(tongue))
	t.Wrap(2, 24)
	t.Wrap(3, 76)
	w := explain.StatusWords
	for _, p := range s.Serving {
		var remarks []string
		if p.Trouble != "" {
			remarks = append(remarks, w.Trouble.In(tongue, p.Trouble))
		}
		for _, name := range slices.Sorted(maps.Keys(p.Accounts)) {
			if why := p.Accounts[name]; why != "" {
				remarks = append(remarks, w.Unready.In(tongue, name, why))
			}
		}
		if p.Refused > 0 {
			remarks = append(remarks, w.Refused.In(tongue, p.Refused))
		}
		if len(remarks) > 0 {
			t.Row(w.Process.In(tongue, p.Host, p.PID), "", remarks)
		}
	}
	for _, p := range s.Problems {
		remark := explain.Text{ZH: p.Remark, EN: p.English}.In(tongue)
		t.Row(explain.Fact(p.Name, tongue), p.Value, remark)
	}
	return t
}

// pausesApart separates the pauses that only a person lifts from those that a try may lift.
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

func pauseTable(pauses []ops.Pause, now time.Time, tongue explain.Tongue) string {
	w := explain.StatusWords
	t := terminal.NewTable(explain.Words.What.In(tongue), explain.Words.Why.In(tongue),
		w.Since.In(tongue), w.NextTry.In(tongue), w.Waiting.In(tongue))
	t.Wrap(1, 24)
	t.Wrap(2, 60)
	for _, p := range pauses {
		waiting := fmt.Sprint(p.Waiting)
		if p.WaitingOf >= ops.MostCounted {
			waiting = w.OfFirst.In(tongue, p.Waiting, p.WaitingOf)
		}
		said := paused(p, tongue)
		since := explain.Distance(p.Since, now, tongue)
		t.Row(said.What, said.Why, since, said.Next(now, tongue), waiting)
	}
	return t.String()
}

func failuresTable(s ops.Status, tongue explain.Tongue) string {
	w := explain.StatusWords
	t := terminal.NewTable(w.Messages.In(tongue), w.Status.In(tongue), w.ErrCode.In(tongue), w.Cause.In(tongue),
		explain.Words.ToDo.In(tongue), w.Example.In(tongue))
	t.Wrap(4, 36)
	t.Wrap(5, 44)
	for _, f := range s.Failures {
		code := ""
		if f.ErrCode != nil {
			code = fmt.Sprint(*f.ErrCode)
		}
		cause := f.Explained()
		t.Row(f.Count, f.Status, code, cause.Why.In(tongue), cause.NextStep.In(tongue), f.Example)
	}
	return t.String()
}
