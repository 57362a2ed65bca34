package explain

import (
	"fmt"
	"time"
)

var (
	past   = Text{"%s 前", "%s ago"}
	future = Text{"%s 后", "in %s"}

	// Now and Never stand where a time would.
	Now   = Text{"现在", "now"}
	Never = Text{"永不", "never"}

	moreThan = Text{"超过 %d", "more than %d"}
)

// Span is a duration in few letters, the same in both tongues: 12s, 3m20s, 5h7m, 6d.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Span(-d)
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Distance is a time as seen from now: 2h0m ago, or in 2h0m.
func Distance(t, now time.Time, tongue Tongue) string {
	if t.After(now) {
		return future.In(tongue, Span(t.Sub(now)))
	}
	return past.In(tongue, Span(now.Sub(t)))
}

// Moment is a time by this machine's zone, with its distance from now. A time without end is never.
func Moment(t, now time.Time, tongue Tongue) string {
	if t.Year() >= 9999 {
		return Never.In(tongue)
	}
	return fmt.Sprintf("%s (%s)", t.Local().Format(time.DateTime), Distance(t, now, tongue))
}

// Count is a number that was counted no further than Most.
type Count struct{ N, Most int64 }

// In is the count in a tongue: 12, or more than 10000.
func (c Count) In(tongue Tongue) string {
	if c.N > c.Most {
		return moreThan.In(tongue, c.Most)
	}
	return fmt.Sprint(c.N)
}
