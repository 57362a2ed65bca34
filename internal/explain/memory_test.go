package explain

import (
	"strings"
	"testing"
	"time"
)

// What only the processes of submsg serve know is said of a message: in both tongues, with what to do.
func TestWaitsSayWhatProcessesKnow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for name, p := range map[string]struct {
		message    Message
		says, does string
	}{
		"refused":         {Message{Status: "wait", Served: true, Refused: "no x"}, "lets nobody write it: no x", "mend the constraint"},
		"refused, sent":   {Message{Status: "sending", Refused: "no x"}, "lets nobody write it: no x", "mend the constraint"},
		"behind another":  {Message{Status: "sending", Behind: true}, "another message to the same person", "nothing"},
		"not ready":       {Message{Status: "wait", Served: true, Unready: "no token"}, "can send nothing now: no token", "submsg doctor"},
		"trouble":         {Message{Status: "wait", Served: true, Trouble: "no right"}, "can take no messages now: no right", "submsg doctor"},
		"unknown":         {Message{Status: "wait", Served: true, Unknown: "orderStatsu"}, "knows template orderStatsu: it will fail", "correct templateId"},
		"nobody is there": {Message{Status: "wait", Unready: "no token"}, "no submsg serve is connected", "start submsg serve"},
	} {
		p.message.Now, p.message.SendAfter = now, now
		why, next := p.message.Explain(English)
		text := strings.Join(why, "\n")
		if !strings.Contains(text, p.says) || strings.Contains(text, "messages are before it") {
			t.Errorf("%s: it says %q", name, why)
		}
		if !strings.Contains(strings.Join(next, "\n"), p.does) {
			t.Errorf("%s: what to do is %q", name, next)
		}
		if inChinese, _ := p.message.Explain(Chinese); len(inChinese) != len(why) || inChinese[0] == why[0] {
			t.Errorf("%s: %q", name, inChinese)
		}
	}
}
