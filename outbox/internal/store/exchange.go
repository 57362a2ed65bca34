package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Request is what goes to the database in one transaction; each part of it may be missing.
type Request struct {
	Settle []Settlement
	Back   []Held   // claimed, not begun: they wait again, as if nobody had claimed them
	Ended  []string // claims whose messages are all settled, as far as the caller knows
	Newest *Claim
	Oldest *Claim
}

// What says what the request is for, for an error.
func (r Request) What() string {
	switch claims := r.Newest != nil || r.Oldest != nil; {
	case len(r.Settle)+len(r.Back) == 0:
		return "claim"
	case claims:
		return "settle and claim"
	}
	return "settle"
}

// Answer is what a request has done.
type Answer struct {
	Settled []int64 // the others are locked, or aren't the claim's any more
	Back    []int64 // likewise
	Newest  Claimed
	Oldest  Claimed
	Clock   time.Time // the database's, when the transaction began
}

// Exchange does a request: all of it or, with an error, nothing that is known of. It waits for no lock.
func (s *Store) Exchange(ctx context.Context, r Request) (a Answer, err error) {
	batch := new(pgx.Batch)
	queueClock(batch, &a.Clock)
	if len(r.Settle) > 0 {
		batch.Queue(settleSendingSQL, columns(r.Settle)...).Query(collectIDs(&a.Settled))
	}
	if len(r.Back) > 0 {
		ids, claims := heldColumns(r.Back)
		batch.Queue(backSQL, ids, claims).Query(collectIDs(&a.Back))
	}
	if len(r.Ended) > 0 {
		batch.Queue(deleteClaimsSQL, r.Ended)
	}
	if r.Newest != nil {
		r.Newest.queue(batch, &a.Newest)
	}
	if r.Oldest != nil {
		r.Oldest.queue(batch, &a.Oldest)
	}
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return Answer{}, err
	}
	return a, nil
}

// FirstOf returns the message that a claim of a single one would take; ok: there is one.
func (s *Store) FirstOf(ctx context.Context, c *Claim, probe bool) (id int64, ok bool, err error) {
	sql := c.sql()
	if probe {
		sql = c.probeSQL()
	}
	lock, _, _ := strings.Cut(sql, noteSQL) // the statement up to the messages that it locks
	rows, err := s.Pool.Query(ctx, lock+` SELECT id FROM due`, c.args()...)
	if err != nil {
		return 0, false, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	return ids[0], true, nil
}

// nothingSending holds for a claim c of which no row is "sending" any more. The statement that deletes a claim's row
// looks for itself: after a failover that lost commits, what a process remembers to have settled isn't what the
// database holds, and nobody else would find those messages. OFFSET 0 keeps it a look at the claim's own rows, by their
// ids, however many claims there are.
const nothingSending = `
NOT EXISTS (
    SELECT FROM subMsgList m WHERE m.id = ANY (c.ids) AND m.claimId = c.claimId AND m.sendStatus = 'sending' OFFSET 0
)`

// deleteClaimsSQL deletes claims whose messages are all settled, as far as this process knows. A claim that stays is
// left to the sweep, when its lease is over.
const deleteClaimsSQL = `DELETE FROM subMsgClaim c WHERE claimId = ANY ($1::uuid[]) AND ` + nothingSending
