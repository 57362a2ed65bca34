package wake

import "time"

// Rhythm follows how messages and wakes come. Its zero value has seen none.
type Rhythm struct {
	claimedAt time.Time // when a claim last found messages
	streak    int       // claims that found some, each soon after the one before
	wokenAt   time.Time // when a wake last led to nothing
	useless   int       // wakes that led to no message, each soon after the one before
}

// Claimed counts a claim that found messages.
func (r *Rhythm) Claimed(now time.Time) {
	r.useless = 0
	r.streak++
	if now.Sub(r.claimedAt) >= BusyPollFor {
		r.streak = 0
	}
	r.claimedAt = now
}

// Often tells whether messages come so often that looking for them all the time (busy polling) costs less than the
// NOTIFY that each application's commit would pay for.
func (r *Rhythm) Often(now time.Time) bool {
	return r.streak >= busyPollAfter && now.Sub(r.claimedAt) < BusyPollFor
}

// Woken counts a wake that has led to no message so far.
func (r *Rhythm) Woken(now time.Time) {
	if now.Sub(r.wokenAt) > YieldFor {
		r.useless = 0
	}
	r.wokenAt = now
	r.useless++
}

// InVain tells whether wakes lead to nothing again and again: then another replica does all that there is to do, and
// wakes us by clearing the flag that we set.
func (r *Rhythm) InVain() bool {
	if r.useless >= yieldAfter+mostYields {
		r.useless = 0
	}
	return r.useless >= yieldAfter
}

// Yielded notes that the work was left to another replica, so that the next wake counts as soon after this one.
func (r *Rhythm) Yielded(now time.Time) {
	r.wokenAt = now
	r.useless++
}

// OpenWriters are the transactions that write to the table, and since when they are known. They may commit without a
// wake.
type OpenWriters map[string]time.Time

// NextLook takes in which transactions are open now, and tells when to look for what they may have committed: at
// first almost at once, then after a tenth of the time that they have been open.
func (w *OpenWriters) NextLook(open []string, poll time.Duration, now time.Time) time.Duration {
	known := *w
	*w = make(OpenWriters, len(open))
	rest := poll
	for _, id := range open {
		since, ok := known[id]
		if !ok {
			since = now
		}
		(*w)[id] = since
		rest = min(rest, max(now.Sub(since)/writerShare, writerRest))
	}
	return rest
}
