package outbox

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"
)

// settlement is what a verdict writes into its message's row.
type settlement struct {
	id     int64
	claim  string
	status Status
	text   string
	code   *int32
	kind   string        // "": none
	msgID  int64         // 0: none
	delay  time.Duration // wait: until sendAfter
	refund int           // attempts given back

	refused bool // by the database, which was logged
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
    sendAfter = CASE WHEN r.status = 'wait' THEN greatest(m.sendAfter, clock_timestamp() + r.delay) ELSE m.sendAfter END,
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

// write stores settlements and returns those to be tried again later. A settlement that is neither stored nor
// returned is fenced off: its row isn't ours any more.
func (c *Consumer) write(ctx context.Context, batch []settlement) (again []settlement, err error) {
	var done []int64
	quick := new(pgx.Batch)
	queueSettlements(quick, batch, &done)
	err = c.cfg.Pool.SendBatch(ctx, quick).Close()
	if err != nil && sqlState(err) != lockNotAvailable {
		return batch, err
	}
	if err == nil {
		batch = without(batch, done)
	}
	if len(batch) == 0 {
		return nil, nil
	}
	rows, err := c.cfg.Pool.Query(ctx, settleSQL, columns(batch)...)
	if err != nil {
		return batch, err
	}
	if done, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return batch, err
	}
	if batch = without(batch, done); len(batch) == 0 {
		return nil, nil
	}
	return c.stillOurs(ctx, batch)
}

// queueSettlements adds the common case to a batch of statements: done is what it settles.
func queueSettlements(statements *pgx.Batch, batch []settlement, done *[]int64) {
	statements.Queue(planSQL + `, ` + setLockTimeout)
	statements.Queue(settleSendingSQL, columns(batch)...).Query(func(rows pgx.Rows) (err error) {
		*done, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
}

// columns are a batch's settlements as the arrays that the statements unnest.
func columns(batch []settlement) []any {
	n := len(batch)
	ids, claims := make([]int64, n), make([]string, n)
	statuses, texts, kinds := make([]string, n), make([]string, n), make([]string, n)
	codes, msgIDs := make([]*int32, n), make([]int64, n)
	delays, refunds := make([]time.Duration, n), make([]int32, n)
	for i, s := range batch {
		ids[i], claims[i], statuses[i], texts[i], kinds[i] = s.id, s.claim, string(s.status), printable(s.text), s.kind
		codes[i], msgIDs[i], delays[i], refunds[i] = s.code, s.msgID, s.delay, int32(s.refund)
	}
	return []any{ids, claims, statuses, texts, codes, msgIDs, delays, refunds, kinds}
}

// stillOurs returns those of batch whose rows are still held by their claim.
func (c *Consumer) stillOurs(ctx context.Context, batch []settlement) (ours []settlement, err error) {
	type left struct {
		ID   int64
		Held bool // false: settled already
	}
	ids, claims := make([]int64, len(batch)), make([]string, len(batch))
	for i, s := range batch {
		ids[i], claims[i] = s.id, s.claim
	}
	rows, err := c.cfg.Pool.Query(ctx, leftSQL, ids, claims)
	if err != nil {
		return batch, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[left])
	if err != nil {
		return batch, err
	}
	held := make(map[int64]bool)
	for _, l := range found {
		held[l.ID] = l.Held
	}
	var foreign []settlement
	for _, s := range batch {
		if still, known := held[s.id]; still {
			ours = append(ours, s)
		} else if !known {
			foreign = append(foreign, s)
		}
	}
	if len(foreign) > 0 {
		c.logBatch(foreign).Warnf("outcome %q not written: the row was changed or deleted meanwhile", foreign[0].status)
	}
	return ours, nil
}

// logBatch is the log for what is about several messages: it names the first of them, and how many they are.
func (c *Consumer) logBatch(batch []settlement) *logrus.Entry {
	return c.cfg.Log.WithFields(logrus.Fields{"id": batch[0].id, "messages": len(batch)})
}

func ids(batch []settlement) []int64 {
	list := make([]int64, len(batch))
	for i, s := range batch {
		list[i] = s.id
	}
	return list
}

// without returns the settlements whose id isn't in ids.
func without(batch []settlement, ids []int64) []settlement {
	out := make(map[int64]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	var rest []settlement
	for _, s := range batch {
		if !out[s.id] {
			rest = append(rest, s)
		}
	}
	return rest
}

// printable makes any text storable: Postgres takes neither NUL nor broken UTF-8.
func printable(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if r := []rune(text); len(r) > mostTextRunes {
		return string(r[:mostTextRunes-1]) + "…"
	}
	return text
}
