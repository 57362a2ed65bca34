package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Housekeeping is what ends by itself in the queue, and what is deleted.
type Housekeeping struct{ *Store }

// Overdue is a message that nobody has settled within its lease.
type Overdue struct {
	ID         int64
	ClaimID    string
	TemplateID string
	Attempts   int
}

const overdueSQL = `
SELECT m.id, m.claimId, m.templateId, m.attempts FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
WHERE c.leaseUntil <= now() AND m.sendStatus = 'sending' AND m.leaseUntil <= now() AND m.id <> ALL ($1) LIMIT 1000`

// Overdue finds up to 1000 messages of claims past their lease that nobody has settled, but for those in skip.
func (s Housekeeping) Overdue(ctx context.Context, skip []int64) ([]Overdue, error) {
	rows, err := s.Pool.Query(ctx, overdueSQL, orEmpty(skip))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Overdue])
}

const deleteOverdueClaimsSQL = `DELETE FROM subMsgClaim c WHERE leaseUntil <= now() AND ` + nothingSending

// DeleteOverdueClaims forgets the claims past their lease of which nothing is being sent any more.
func (s Housekeeping) DeleteOverdueClaims(ctx context.Context) error {
	batch := new(pgx.Batch)
	batch.Queue(planSQL)
	batch.Queue(deleteOverdueClaimsSQL)
	return s.Pool.SendBatch(ctx, batch).Close()
}

// noteOrphansSQL notes the claims that "sending" rows say they are of, where nobody has noted them. Whoever writes
// "sending" past the guards, or loads the table of messages without that of claims, leaves such rows, and no sweep
// would find them. It looks at the next $2 ids after $1. Of several replicas one does so, the one that has the row of
// subMsgOrigin locked: that needs a right, as an advisory lock doesn't.
const noteOrphansSQL = `
WITH leader AS MATERIALIZED (
    SELECT FROM subMsgOrigin FOR UPDATE SKIP LOCKED
), step AS MATERIALIZED (
    SELECT id, sendStatus, claimId, leaseUntil FROM subMsgList WHERE id > $1 AND EXISTS (SELECT FROM leader) ORDER BY id LIMIT $2
), orphans AS MATERIALIZED (
    SELECT claimId, max(leaseUntil) AS leaseUntil, pg_catalog.array_agg(id) AS ids FROM step m
    WHERE sendStatus = 'sending' AND NOT EXISTS (SELECT FROM subMsgClaim c WHERE c.claimId = m.claimId AND m.id = ANY (c.ids))
    GROUP BY claimId
), noted AS (
    INSERT INTO subMsgClaim (claimId, leaseUntil, ids) SELECT claimId, leaseUntil, ids FROM orphans ON CONFLICT DO NOTHING
)
SELECT (SELECT max(id) FROM step) AS upTo, (SELECT count(*) FROM orphans) AS found`

// NoteOrphans notes the claims of orphaned rows among the next most ids after one. It returns the last id that it
// looked at, nil where none is left or another replica looks, and how many claims it found that nobody had noted. There
// is no index to find them by, as it would cost every claim and settlement.
func (s Housekeeping) NoteOrphans(ctx context.Context, after int64, most int) (upTo *int64, found int, err error) {
	batch := new(pgx.Batch)
	batch.Queue(planSQL)
	batch.Queue(noteOrphansSQL, after, most).QueryRow(func(row pgx.Row) error { return row.Scan(&upTo, &found) })
	return upTo, found, s.Pool.SendBatch(ctx, batch).Close()
}

const pastExpireTimeSQL = `
SELECT id FROM subMsgList WHERE dueAt IS NOT NULL AND expireTime <= now() AND id <> ALL ($1) ORDER BY expireTime LIMIT 1000`

// PastExpireTime finds up to 1000 waiting messages that have expired, but for those in skip.
func (s Housekeeping) PastExpireTime(ctx context.Context, skip []int64) ([]int64, error) {
	rows, err := s.Pool.Query(ctx, pastExpireTimeSQL, orEmpty(skip))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

const expireSQL = `
UPDATE subMsgList SET sendStatus = 'expired', errKind = $2, sendTime = clock_timestamp(), updateTime = clock_timestamp(),
    sendStatusMsg = pg_catalog.concat_ws('; ', $3::text, sendStatusMsg)
WHERE id IN (SELECT id FROM subMsgList WHERE id = ANY ($1) AND sendStatus = 'wait' AND expireTime <= now() FOR UPDATE SKIP LOCKED)`

// Expire ends waiting messages that have expired.
func (s Housekeeping) Expire(ctx context.Context, ids []int64, kind, text string) (n int64, err error) {
	tag, err := s.Pool.Exec(ctx, expireSQL, ids, kind, text)
	return tag.RowsAffected(), err
}

// forgetSQL deletes messages by the only way that submsg's own role has: the function subMsg_forget, of package
// migrations.
const forgetSQL = `SELECT upTo, gone FROM subMsg_forget($1::bigint, $2::int, $3::text[], $4::interval[])`

// Forget deletes, of the next most messages after an id, those that have been kept for longer than the age of their
// status. It returns the last id that it looked at; nil: there are none left to look at.
func (s Housekeeping) Forget(
	ctx context.Context, after int64, most int, statuses []string, ages []time.Duration,
) (upTo *int64, gone int64, err error) {
	err = s.Pool.QueryRow(ctx, forgetSQL, after, most, statuses, ages).Scan(&upTo, &gone)
	return upTo, gone, err
}
