package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Settlement is what is written into a message's row when its claim is over.
type Settlement struct {
	ID     int64
	Claim  string
	Status string
	Text   string
	Code   *int32
	Kind   string        // "": none
	MsgID  int64         // 0: none
	Delay  time.Duration // wait: from now to sendAfter; 0 leaves sendAfter as it is
	Refund int           // attempts given back
}

// Held is a row that a claim holds.
type Held struct {
	ID    int64
	Claim string
}

// settlementsSQL is part of a statement: a batch of settlements, as columns makes them.
const settlementsSQL = `
    unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::interval[], $8::int[], $9::text[])
        AS r (id, claimId, status, text, code, msgId, delay, refund, kind)`

// setSQL is part of a statement: what a settlement writes. No column of it stands in an index, so that the update is
// HOT.
const setSQL = `
SET sendStatus = r.status, sendStatusMsg = nullif(r.text, ''), errCode = r.code, errKind = nullif(r.kind, ''),
    msgId = coalesce(nullif(r.msgId, 0), m.msgId),
    sendTime = CASE WHEN r.status = 'wait' THEN m.sendTime ELSE clock_timestamp() END,
    sendAfter = CASE WHEN r.status = 'wait' AND r.delay > '0' THEN greatest(m.sendAfter, clock_timestamp() + r.delay) ELSE m.sendAfter END,
    attempts = greatest(m.attempts - r.refund, 0),
    leaseUntil = NULL, updateTime = clock_timestamp()`

// settleSendingSQL settles rows that are still being sent and that nobody holds locked. This is the common case, and
// half the work of settleSQL. Where it meets a lock it gives up after a moment, and settleSQL takes its place.
const settleSendingSQL = `
UPDATE subMsgList m` + setSQL + `
FROM` + settlementsSQL + `
WHERE m.id = r.id AND m.claimId = r.claimId AND m.sendStatus = 'sending'
RETURNING m.id`

// settleSQL settles rows whatever has happened to them. It is fenced by claimId: a settlement that comes late, after
// a person set the row to wait again or somebody else claimed it, changes nothing. "unknown" is settled too: that is
// a late answer after the lease. A message that was not sent and is unknown can't go back to wait after its
// expireTime, because the guard of hand edits refuses that to all. Rows that a person holds locked are skipped, so
// that they don't hold up the others.
const settleSQL = `
WITH r AS MATERIALIZED (
    SELECT r.id, r.claimId, r.text, r.code, r.msgId, r.delay, r.refund, r.kind,
        CASE WHEN r.status = 'wait' AND m.sendStatus = 'unknown' AND m.expireTime <= clock_timestamp() THEN 'expired'
            ELSE r.status END AS status
    FROM subMsgList m JOIN` + settlementsSQL + ` USING (id, claimId)
    WHERE m.sendStatus IN ('sending', 'unknown')
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE subMsgList m` + setSQL + `
FROM r WHERE m.id = r.id
RETURNING m.id`

// leftSQL tells what has become of rows that settleSQL left out: they are still held by the claim (a person has them
// locked), or were settled in its name before, by a statement whose answer was lost.
const leftSQL = `
SELECT m.id, m.sendStatus IN ('sending', 'unknown') AS held
FROM subMsgList m JOIN unnest($1::bigint[], $2::uuid[]) AS r (id, claimId) ON m.id = r.id
WHERE m.claimId = r.claimId`

// Settled is what has become of settlements.
type Settled struct {
	Left    []Settlement // still held by their claim: to be tried again
	Foreign []Settlement // fenced off: their rows aren't the claim's any more
}

// Settle writes settlements whatever has happened to their rows.
func (s *Store) Settle(ctx context.Context, list []Settlement) (Settled, error) {
	var done []int64
	held := make(map[int64]bool)
	ids, claims := make([]int64, len(list)), make([]string, len(list))
	for i, r := range list {
		ids[i], claims[i] = r.ID, r.Claim
	}
	batch := new(pgx.Batch)
	var clock time.Time
	queueClock(batch, &clock)
	batch.Queue(settleSQL, columns(list)...).Query(collectIDs(&done))
	batch.Queue(leftSQL, ids, claims).Query(func(rows pgx.Rows) error {
		var id int64
		var still bool
		_, err := pgx.ForEachRow(rows, []any{&id, &still}, func() error {
			held[id] = still
			return nil
		})
		return err
	})
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return Settled{}, err
	}
	var out Settled
	for _, r := range Without(list, done) {
		if still, known := held[r.ID]; still {
			out.Left = append(out.Left, r)
		} else if !known {
			out.Foreign = append(out.Foreign, r)
		}
	}
	return out, nil
}

// columns are a batch's settlements as the arrays that the statements unnest.
func columns(list []Settlement) []any {
	n := len(list)
	ids, claims := make([]int64, n), make([]string, n)
	statuses, texts, kinds := make([]string, n), make([]string, n), make([]string, n)
	codes, msgIDs := make([]*int32, n), make([]int64, n)
	delays, refunds := make([]time.Duration, n), make([]int32, n)
	for i, s := range list {
		ids[i], claims[i], statuses[i], texts[i], kinds[i] = s.ID, s.Claim, s.Status, Printable(s.Text), s.Kind
		codes[i], msgIDs[i], delays[i], refunds[i] = s.Code, s.MsgID, s.Delay, int32(s.Refund)
	}
	return []any{ids, claims, statuses, texts, codes, msgIDs, delays, refunds, kinds}
}

// Without returns the settlements whose id isn't in ids.
func Without(list []Settlement, ids []int64) (rest []Settlement) {
	if len(ids) == len(list) {
		return nil // the common case: each id is of a settlement, once
	}
	out := make(map[int64]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	for _, s := range list {
		if !out[s.ID] {
			rest = append(rest, s)
		}
	}
	return rest
}
