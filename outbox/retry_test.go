package outbox

import (
	"testing"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// A message that meets the same trouble again and again is tried later and later, and comes to an end: within the time
// that its kind of trouble has.
func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	const maxAttempts = 10
	for name, p := range map[string]struct {
		verdict      Verdict
		first        time.Duration // at most, to the second try
		least, whole time.Duration // from the first try to the last
		tries        int
	}{
		"any":      {Verdict{Outcome: Later}, time.Second, 4 * time.Minute, 9 * time.Minute, maxAttempts},
		"a few":    {Verdict{Outcome: Later, Tries: 5}, time.Second, 7 * time.Second, 15 * time.Second, 5},
		"in doubt": {Verdict{Outcome: Later, Doubt: true}, time.Second, 4 * time.Minute, 9 * time.Minute, maxAttempts},
		"a person": {Verdict{Outcome: Later, Trouble: PersonBusy}, 100 * time.Millisecond, 36 * time.Minute, 75 * time.Minute, 20},
		"not soon": {Verdict{Outcome: Later, After: time.Minute}, time.Minute, 9 * time.Minute, 20 * time.Minute, maxAttempts},
	} {
		for range 50 {
			var passed, before time.Duration
			try := 1
			for ; ; try++ {
				s := settlement(&store.Row{Attempts: try}, p.verdict, maxAttempts)
				if s.Status != string(Waiting) {
					break
				}
				if 2*s.Delay < before || try == 1 && s.Delay > p.first || try > 100 {
					t.Fatalf("%s: %s after try %d, %s before that", name, s.Delay, try, before)
				}
				before = s.Delay
				passed += s.Delay
			}
			if try != p.tries || passed < p.least || passed > p.whole {
				t.Fatalf("%s: %d tries in %s, want %d in %s to %s", name, try, passed, p.tries, p.least, p.whole)
			}
		}
	}
}
