package outbox

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The retry policy, for all channels. A channel says only what happened (Verdict); when and how often its message is
// tried again is decided here.

const (
	// defaultMaxAttempts: by the backoff below, the tenth attempt comes four to nine minutes after the first.
	defaultMaxAttempts = 10
	leastBackoff       = time.Second
	mostBackoff        = 10 * time.Minute
)

// backoff doubles from a second to ten minutes. The upper half of it is by chance, so that messages that failed
// together don't come back together.
func backoff(attempt int) time.Duration {
	d := min(leastBackoff<<min(max(attempt-1, 0), 10), mostBackoff) // a person may have set attempts to 0
	return d/2 + rand.N(d/2)
}

// settlement turns a verdict on a message into what is written into its row. maxAttempts is Config's; a verdict may
// allow fewer. A Halt costs no attempt, because the message is not at fault.
func (m claimed) settlement(v Verdict, maxAttempts int) settlement {
	s := settlement{id: m.ID, claim: m.claim, text: v.Text, code: v.Code, kind: v.Kind}
	switch v.Outcome {
	case Accepted:
		s.status, s.msgID = Succeeded, v.MsgID
	case Refused:
		s.status = Failed
	case Halt:
		s.status, s.refund, s.delay = Waiting, 1, v.After
	case Later:
		if m.Attempt >= maxAttempts || v.Tries > 0 && m.Attempt >= v.Tries {
			s.status = Failed
			if v.Doubt {
				s.status = Uncertain
			}
			s.text = fmt.Sprintf("已重试 %d 次，不再重试： %s", m.Attempt, v.Text)
			break
		}
		s.status, s.delay = Waiting, max(v.After, backoff(m.Attempt))
	default:
		s.status = Uncertain
	}
	return s
}

// Of a database that is away, or of a row in it that is locked. These are short, because what waits here was sent
// already, or can't be sent at all.
const (
	leastSettleRest   = 20 * time.Millisecond // after a settlement that failed; doubles
	leastClaimRest    = 50 * time.Millisecond // after a claim that failed; doubles
	mostDatabaseRest  = 500 * time.Millisecond
	leastUnsettled    = 10 * time.Millisecond // until a locked or refused row is settled again; doubles
	mostUnsettled     = time.Second
	unsettledStopping = 100 * time.Millisecond // the same while the consumer stops
)

// databaseRest is how long to leave a database alone that has failed n times in a row.
func databaseRest(least time.Duration, n int) time.Duration {
	return min(least<<min(n-1, 5), mostDatabaseRest)
}
