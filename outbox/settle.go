package outbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"
)

// settlement is what a verdict writes into its row.
type settlement struct {
	id     int64
	claim  string
	status Status
	text   string
	code   *int32
	msgID  int64         // 0: none
	delay  time.Duration // wait: until sendAfter
	refund int           // attempts given back

	refused bool // by the database, and said so
}

// settle turns a verdict on a message that is tried maxAttempts times at most into its settlement.
func settle(m claimed, v Verdict, maxAttempts int) settlement {
	s := settlement{id: m.ID, claim: m.claim, text: v.Text, code: v.Code}
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

// backoff doubles from a second to ten minutes, the upper half of it by chance, so that what failed
// together doesn't come back together.
func backoff(attempt int) time.Duration {
	d := min(time.Second<<min(max(attempt-1, 0), 10), 10*time.Minute) // a person may have set attempts to 0
	return d/2 + rand.N(d/2)
}

const settlementsSQL = `
    unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::interval[], $8::int[])
        AS r (id, claimId, status, text, code, msgId, delay, refund)`

const setSQL = `
SET sendStatus = r.status, sendStatusMsg = nullif(r.text, ''), errCode = r.code,
    msgId = coalesce(nullif(r.msgId, 0), m.msgId),
    sendTime = CASE WHEN r.status = 'wait' THEN m.sendTime ELSE clock_timestamp() END,
    sendAfter = CASE WHEN r.status = 'wait' THEN greatest(m.sendAfter, clock_timestamp() + r.delay) ELSE m.sendAfter END,
    attempts = greatest(m.attempts - r.refund, 0),
    leaseUntil = NULL, updateTime = clock_timestamp()`

const lockTimeout = `set_config('lock_timeout', '20ms', true)`

// The common case, in half the work of settleSQL: rows that are still being sent and that nobody holds locked.
// Where it meets a lock it gives up after a moment, and settleSQL takes its place.
const settleSendingSQL = `
UPDATE subMsgList m` + setSQL + `
FROM` + settlementsSQL + `
WHERE m.id = r.id AND m.claimId = r.claimId AND m.sendStatus = 'sending'
RETURNING m.id`

// Fenced by claimId: a settlement that comes late, after a person set the row to wait again or somebody
// else claimed it, changes nothing. "unknown" is settled too: that is a late answer after the lease.
// What was not sent and is unknown can't go back to wait after its expireTime: the guard of hand edits refuses that to all.
// Rows that a person holds locked are skipped, not waited for: they must not hold up the others.
const settleSQL = `
WITH r AS MATERIALIZED (
    SELECT r.id, r.claimId, r.text, r.code, r.msgId, r.delay, r.refund,
        CASE WHEN r.status = 'wait' AND m.sendStatus = 'unknown' AND m.expireTime <= clock_timestamp() THEN 'expired' ELSE r.status END AS status
    FROM subMsgList m JOIN` + settlementsSQL + ` USING (id, claimId)
    WHERE m.sendStatus IN ('sending', 'unknown')
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE subMsgList m` + setSQL + `
FROM r WHERE m.id = r.id
RETURNING m.id`

// What has become of rows that settleSQL left out: still held by the claim (a person has them locked), or settled in
// its name before, by a statement whose answer was lost.
const leftSQL = `
SELECT m.id, m.sendStatus IN ('sending', 'unknown') FROM subMsgList m JOIN unnest($1::bigint[], $2::uuid[]) AS r (id, claimId) ON m.id = r.id
WHERE m.claimId = r.claimId`

// write stores settlements and returns those to be tried again later. A settlement in neither result is
// fenced off: its row isn't ours any more.
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
	statements.Queue(planSQL + `, ` + lockTimeout)
	statements.Queue(settleSendingSQL, columns(batch)...).Query(func(rows pgx.Rows) (err error) {
		*done, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
}

// lockNotAvailable is the SQLSTATE of a lock_timeout.
const lockNotAvailable = "55P03"

// columns are a batch's settlements as the arrays that the statements unnest.
func columns(batch []settlement) []any {
	n := len(batch)
	ids, claims := make([]int64, n), make([]string, n)
	statuses, texts := make([]string, n), make([]string, n)
	codes, msgIDs := make([]*int32, n), make([]int64, n)
	delays, refunds := make([]time.Duration, n), make([]int32, n)
	for i, s := range batch {
		ids[i], claims[i], statuses[i], texts[i] = s.id, s.claim, string(s.status), printable(s.text)
		codes[i], msgIDs[i], delays[i], refunds[i] = s.code, s.msgID, s.delay, int32(s.refund)
	}
	return []any{ids, claims, statuses, texts, codes, msgIDs, delays, refunds}
}

// stillOurs keeps those of batch that are still ours.
func (c *Consumer) stillOurs(ctx context.Context, batch []settlement) (ours []settlement, err error) {
	ids, claims := make([]int64, len(batch)), make([]string, len(batch))
	for i, s := range batch {
		ids[i], claims[i] = s.id, s.claim
	}
	rows, err := c.cfg.Pool.Query(ctx, leftSQL, ids, claims)
	if err != nil {
		return batch, err
	}
	held := make(map[int64]bool) // false: settled already
	var id int64
	var still bool
	_, err = pgx.ForEachRow(rows, []any{&id, &still}, func() error { held[id] = still; return nil })
	if err != nil {
		return batch, err
	}
	var foreign []settlement
	for _, s := range batch {
		if still, found := held[s.id]; still {
			ours = append(ours, s)
		} else if !found {
			foreign = append(foreign, s)
		}
	}
	if len(foreign) > 0 {
		c.ofThese(foreign).Warnf("outcome %q not written: the row was changed or deleted meanwhile", foreign[0].status)
	}
	return ours, nil
}

// ofThese is the log of what is about several messages: the first of them, and how many.
func (c *Consumer) ofThese(batch []settlement) *logrus.Entry {
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

// printable makes any text storable: Postgres takes neither NUL nor broken UTF-8, and a person reads
// no more than this.
func printable(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if r := []rune(text); len(r) > 1000 {
		return string(r[:999]) + "…"
	}
	return text
}
