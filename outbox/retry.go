package outbox

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// The retry policy, for all channels. A channel says only what happened (Verdict); when and how often its message is
// tried again is decided here.

const (
	// defaultMaxAttempts: by the backoff below, the tenth attempt comes four to nine minutes after the first.
	defaultMaxAttempts = 10
	leastBackoff       = time.Second
	mostBackoff        = 10 * time.Minute
)

// patience is how long a message is tried again that meets a kind of trouble.
type patience struct {
	least, most time.Duration // between two tries, doubling
	tries       int           // it fails after so many; 0: Config.MaxAttempts
}

// patiences has the kinds of trouble that have a patience of their own.
var patiences = map[Trouble]patience{
	0: {leastBackoff, mostBackoff, 0},
	// Another message to the same person is over in a moment. Where it is another replica's, it costs no attempt
	// (persons.go), so this is what somebody else sends: who does so for an hour on end has to be found by a person.
	PersonBusy: {100 * time.Millisecond, mostBackoff, 20},
}

// timesFor returns the times for a kind of trouble. Those that a table doesn't list have the times of any other.
func timesFor[T any](t Trouble, table map[Trouble]T) T {
	if times, ok := table[t]; ok {
		return times
	}
	return table[0]
}

// backoff doubles from try to try. The upper half of it is by chance, so that messages that failed together don't come
// back together.
func (p patience) backoff(attempt int) time.Duration {
	d := min(p.least<<min(max(attempt-1, 0), 20), p.most) // a person may have set attempts to 0
	return d/2 + rand.N(d/2)
}

// settlement turns a verdict on a message into what is written into its row. maxAttempts is Config's; a verdict may
// allow fewer. A Halt costs no attempt, because the message is not at fault.
func settlement(m *store.Row, v Verdict, maxAttempts int) store.Settlement {
	s := store.Settlement{ID: m.ID, Claim: m.ClaimID, Text: v.Text, Code: v.Code, Kind: v.Kind}
	status := Uncertain
	switch v.Outcome {
	case Accepted:
		status, s.MsgID = Succeeded, v.MsgID
	case Refused:
		status = Failed
	case Halt:
		status, s.Refund = Waiting, 1
		if len(v.Stops) == 0 {
			s.Delay = v.After // otherwise its pause holds it
		}
	case Later:
		p := timesFor(v.Trouble, patiences)
		if p.tries == 0 {
			p.tries = maxAttempts
		}
		if m.Attempts >= p.tries || v.Tries > 0 && m.Attempts >= v.Tries {
			if !v.Doubt {
				status = Failed
			}
			s.Text = fmt.Sprintf("已重试 %d 次，不再重试： %s", m.Attempts, v.Text)
			break
		}
		status, s.Delay = Waiting, max(v.After, p.backoff(m.Attempts))
	}
	s.Status = string(status)
	return s
}

// rhythm says when the messages go that test a pause. The longer it has lasted, the later comes the next: after a
// quarter of that time (package store), within these bounds.
type rhythm struct {
	first int           // the first comes after so many times Config.ProbeEvery, or Verdict.After if that is later
	most  time.Duration // between two
}

// rhythms has the kinds of trouble whose pauses have a rhythm of their own. Who has stopped a template or an account
// doesn't change his mind by the minute, and takes offence at being asked.
var rhythms = map[Trouble]rhythm{
	0:           {1, time.Hour},
	Busy:        {1, time.Minute},   // over in seconds, usually
	Quota:       {1, time.Minute},   // the channel knows when it is filled up again
	Credentials: {1, time.Minute},   // Ready asks for a token more and more seldom, and nothing is probed without one
	Banned:      {6, 4 * time.Hour}, // a minute by default, then minutes, then hours
}

// probing is when the next probe of a pause comes at the earliest, and how long it is at most between two.
func probing(why Verdict, every time.Duration) (next, most time.Duration) {
	r := timesFor(why.Trouble, rhythms)
	next = max(time.Duration(r.first)*every, why.After)
	return next, max(r.most, next)
}

// Of a database that is away, or of a row in it that is locked or refused. These are short, because what waits here was
// sent already, or can't be sent at all.
const (
	leastRest         = 20 * time.Millisecond // after a transaction that failed; doubles
	mostDatabaseRest  = 500 * time.Millisecond
	leastUnsettled    = 10 * time.Millisecond  // until a locked or refused row is settled again; doubles
	mostLockedRest    = time.Second            // locked: its lock may go at any time
	mostRefusedRest   = time.Minute            // refused: a person has to mend that
	unsettledStopping = 100 * time.Millisecond // the most while the consumer stops
)

// databaseRest is how long to leave a database alone that has failed n times in a row.
func databaseRest(n int) time.Duration {
	return min(leastRest<<min(n-1, 5), mostDatabaseRest)
}
