package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// statementTimeout bounds every statement of the pump: a database that doesn't answer is one that is away.
const statementTimeout = 10 * time.Second

// Rows of claims whose answer was lost: certainly not sent, because nobody knew that they were claimed. One that a person
// has locked is left to a later round.
const releaseSQL = `
UPDATE subMsgList
SET sendStatus = 'wait', leaseUntil = NULL, attempts = greatest(attempts - 1, 0), updateTime = clock_timestamp()
WHERE id IN (
    SELECT m.id FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
    WHERE c.claimId = ANY ($1::uuid[]) AND m.sendStatus = 'sending'
    FOR UPDATE OF m SKIP LOCKED)`

// release gives back what lost claims may have taken. A claim can still commit after its connection broke, so each is
// remembered for as long as its lease would last, and until it has been given back after that.
func (r *round) release(ctx context.Context) error {
	began := time.Now()
	lost := r.claims.losses()
	if len(lost) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err := apart(lost, func(claims []string) error {
		_, err := r.cfg.Pool.Exec(ctx, releaseSQL, claims)
		return err
	}, func(claim string, why error) {
		r.claims.giveUp(claim)
		r.cfg.Log.Errorf("the database refuses to let messages wait again that certainly were not sent, they will be unknown: %v", why)
	})
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	r.claims.released(began.Add(-r.cfg.Lease))
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
	why := v.Text
	if v.Code != nil { // its text may hold a number of the request, another one each time
		why = fmt.Sprint("errcode ", *v.Code)
	}
	if why != r.stopped && !errors.Is(context.Cause(ctx), context.Canceled) {
		r.cfg.Log.Errorf("nothing can be sent, messages wait: %s", v.Text)
		r.stopped = why
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
	if code := sqlState(err); r.failures%100 == 0 || code != r.why {
		r.cfg.Log.Errorf("database trouble, messages wait: %v", err)
		r.why = code
	}
	r.failures++
	r.arrived.Store(false) // what comes back may be another database
	return min(50*time.Millisecond<<min(r.failures-1, 5), 500*time.Millisecond)
}

// sqlState is the SQLSTATE of an error, "" for one that isn't the server's.
func sqlState(err error) string {
	if pg := new(pgconn.PgError); errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// sleep tells whether the time has passed before ctx was done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
