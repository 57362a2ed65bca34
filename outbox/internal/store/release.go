package store

import (
	"context"
	"time"
)

// backSQL lets rows wait again that were claimed and not begun: as they were, at their place in the queue.
const backSQL = `
UPDATE subMsgList m
SET sendStatus = 'wait', leaseUntil = NULL, attempts = greatest(attempts - 1, 0), updateTime = clock_timestamp()
FROM unnest($1::bigint[], $2::uuid[]) AS r (id, claimId)
WHERE m.id = r.id AND m.claimId = r.claimId AND m.sendStatus = 'sending'
RETURNING m.id`

func heldColumns(list []Held) (ids []int64, claims []string) {
	for _, h := range list {
		ids, claims = append(ids, h.ID), append(claims, h.Claim)
	}
	return ids, claims
}

// releaseSQL lets the rows of claims wait again whose answer was lost. They were certainly not sent, because nobody
// knew that they were claimed. A row that a person has locked is left to a later round.
const releaseSQL = `
UPDATE subMsgList
SET sendStatus = 'wait', leaseUntil = NULL, attempts = greatest(attempts - 1, 0), updateTime = clock_timestamp()
WHERE id IN (
    SELECT m.id FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
    WHERE c.claimId = ANY ($1::uuid[]) AND m.sendStatus = 'sending'
    FOR UPDATE OF m SKIP LOCKED)`

// ReleaseLost gives back what claims have taken whose answer was lost.
func (s *Store) ReleaseLost(ctx context.Context, claims []string) error {
	_, err := s.Pool.Exec(ctx, releaseSQL, claims)
	return err
}

// extendSQL puts off the sweep of claims. It changes their notes only, because the guard lets nobody change the lease
// of a row that is being sent; a sweep looks at both. It writes the notes anew, as a login that sends may not update
// them.
const extendSQL = `
WITH note AS (DELETE FROM subMsgClaim WHERE claimId = ANY ($1::uuid[]) RETURNING claimId, ids)
INSERT INTO subMsgClaim (claimId, leaseUntil, ids) SELECT claimId, clock_timestamp() + $2::interval, ids FROM note`

// Extend keeps every replica from sweeping the rows of claims for so long.
func (s *Store) Extend(ctx context.Context, claims []string, lease time.Duration) error {
	_, err := s.Pool.Exec(ctx, extendSQL, claims, lease)
	return err
}
