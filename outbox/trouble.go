package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// statementTimeout bounds every statement of the pump: a database that doesn't answer is one that is away.
const statementTimeout = 10 * time.Second

// Rows of claims whose answer was lost: certainly not sent, because nobody knew that they were claimed.
const releaseSQL = `
UPDATE subMsgList
SET sendStatus = 'wait', leaseUntil = NULL, attempts = attempts - 1, updateTime = clock_timestamp()
WHERE sendStatus = 'sending' AND claimId = ANY ($1)`

// release gives back what lost claims may have taken. A claim can still commit after its connection broke, so each is
// remembered for as long as its lease would last.
func (r *round) release(ctx context.Context) error {
	if len(r.lost) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	var ids []uuid.UUID
	for id, since := range r.lost {
		ids = append(ids, id)
		if time.Since(since) > r.cfg.Lease {
			delete(r.lost, id)
		}
	}
	if _, err := r.cfg.Pool.Exec(ctx, releaseSQL, ids); err != nil {
		for _, id := range ids {
			r.lost[id] = time.Now()
		}
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// senderReady asks the sender for what every send needs, and says so when that changes.
func (r *round) senderReady(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.SendTimeout)
	defer cancel()
	v := r.cfg.Sender.Ready(ctx)
	if v.Outcome == Accepted {
		if r.stopped != "" {
			r.cfg.Log.Info("sending again")
		}
		r.stopped = ""
		return true
	}
	if v.Text != r.stopped && !errors.Is(context.Cause(ctx), context.Canceled) {
		r.cfg.Log.Errorf("nothing can be sent, messages wait: %s", v.Text)
		r.stopped = v.Text
	}
	return false
}

// trouble notes how a round ended with the database, and how long to leave it alone.
func (r *round) trouble(err error) time.Duration {
	if err == nil {
		if r.failures > 0 {
			r.cfg.Log.Info("the database is back")
		}
		r.failures = 0
		return 0
	}
	if r.failures%100 == 0 {
		r.cfg.Log.Errorf("database trouble, messages wait: %v", err)
	}
	r.failures++
	return min(50*time.Millisecond<<min(r.failures-1, 5), time.Second)
}
