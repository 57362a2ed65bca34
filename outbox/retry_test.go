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

// A pause is tested later and later, as its kind of trouble allows: from seconds to a minute, from minutes to hours, or
// when the channel says that it is over.
func TestProbesByTrouble(t *testing.T) {
	t.Parallel()
	const every = 10 * time.Second
	for name, p := range map[string]struct {
		why         Verdict
		first       time.Duration
		least, most int // probes in a day
	}{
		"any":                 {Verdict{}, every, 40, 60},
		"busy":                {Verdict{Trouble: Busy}, every, 1440, 1460},
		"no token":            {Verdict{Trouble: Credentials}, every, 1440, 1460},
		"banned":              {Verdict{Trouble: Banned}, time.Minute, 25, 40},
		"until the next day":  {Verdict{Trouble: Quota, After: 9 * time.Hour}, 9 * time.Hour, 3, 3},
		"until the next hour": {Verdict{Trouble: Credentials, After: time.Hour}, time.Hour, 24, 24},
	} {
		n := 0
		for age := time.Duration(0); age < 24*time.Hour; n++ { // as package store computes it
			next, most := probing(p.why, every)
			if n == 0 && next != p.first {
				t.Errorf("%s: the first probe comes after %s, want %s", name, next, p.first)
			}
			if n > 0 {
				next = min(max(next, age/4), most)
			}
			age += next
		}
		if n < p.least || n > p.most {
			t.Errorf("%s: %d probes in a day, want %d to %d", name, n, p.least, p.most)
		}
	}
}

// Whatever a Sender says that it met, also what the tables don't list, a message is tried again after a while, and a
// pause is tested.
func TestEveryTroubleHasTimes(t *testing.T) {
	t.Parallel()
	for trouble := range Trouble(50) {
		s := settlement(&store.Row{Attempts: 1}, Verdict{Outcome: Later, Trouble: trouble}, 2)
		next, most := probing(Verdict{Trouble: trouble}, time.Second)
		if s.Status != string(Waiting) || s.Delay <= 0 || next < time.Second || most < next {
			t.Errorf("trouble %d: %+v, probed after %s, then %s at most", trouble, s, next, most)
		}
	}
}
