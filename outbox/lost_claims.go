package outbox

import (
	"context"
	"fmt"
	"time"
)

// releaseSQL lets the rows of claims wait again whose answer was lost. They were certainly not sent, because nobody
// knew that they were claimed. A row that a person has locked is left to a later round.
const releaseSQL = `
UPDATE subMsgList
SET sendStatus = 'wait', leaseUntil = NULL, attempts = greatest(attempts - 1, 0), updateTime = clock_timestamp()
WHERE id IN (
    SELECT m.id FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
    WHERE c.claimId = ANY ($1::uuid[]) AND m.sendStatus = 'sending'
    FOR UPDATE OF m SKIP LOCKED)`

// releaseLost gives back what lost claims may have taken. A claim can still be committed after its connection broke,
// so each is remembered for as long as its lease would last, and until it has been given back after that.
func (c *claimer) releaseLost(ctx context.Context) error {
	began := time.Now()
	lost := c.claims.lostIDs()
	if len(lost) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err := writeSplitting(lost, func(claims []string) error {
		_, err := c.cfg.Pool.Exec(ctx, releaseSQL, claims)
		return err
	}, func(claim string, why error) {
		c.claims.giveUp(claim)
		c.cfg.Log.Errorf("the database refuses to let messages wait again that certainly were not sent, "+
			"they will be unknown: %v", why)
	})
	if err != nil {
		// What can't be given back for long is left to the sweep: new claims must not wait for it without end.
		c.claims.released(began.Add(-c.cfg.Lease - giveUpRelease))
		return fmt.Errorf("release: %w", err)
	}
	c.claims.released(began.Add(-c.cfg.Lease))
	return nil
}
