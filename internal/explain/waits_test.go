package explain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A message that waits says when its next try is, and why: what the last one met, and what is paused.
func TestWaitsSayWhenAndWhy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	later := now.Add(5 * time.Minute)
	busy, probe := WeChat[43108], now.Add(12*time.Hour)
	for name, p := range map[string]struct {
		message Message
		says    []string
	}{
		"put off after a try": {
			Message{SendAfter: later, Attempts: 3, Cause: busy, Served: true},
			[]string{"tried 3 times; the next try is " + Moment(later, now, English), "the last try: " + busy.Why.EN,
				busy.NextStep.EN}},
		"put off, and it costs no try": {
			Message{SendAfter: later, Cause: busy, Served: true},
			[]string{"it was put off; the next try is " + Moment(later, now, English), busy.Why.EN}},
		"due after a try": {
			Message{SendAfter: now, Attempts: 3, Cause: busy, Served: true},
			[]string{"it is due; 0 messages are before it", "the last try: " + busy.Why.EN}},
		"scheduled": {
			Message{SendAfter: later, Served: true},
			[]string{"it is scheduled: " + Moment(later, now, English)}},
		"paused": {
			Message{SendAfter: now, Served: true,
				Pauses: []Pause{{What: "everything", Why: "the quota", Since: now, NextTry: &probe, Lift: "DELETE"}}},
			[]string{"WeChat has stopped everything since", "the quota", "the next one " + Distance(probe, now, English), "DELETE"}},
	} {
		p.message.Status, p.message.Now = "wait", now
		why, next := p.message.Explain(English)
		text := strings.Join(slices.Concat(why, next), "\n")
		for _, want := range p.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not said:\n%s", name, want, text)
			}
		}
		if inChinese, _ := p.message.Explain(Chinese); len(inChinese) != len(why) {
			t.Errorf("%s: %s", name, fmt.Sprint(inChinese))
		}
	}
}
