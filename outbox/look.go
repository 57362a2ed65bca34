package outbox

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// askWakeSQL sets the flag that makes the triggers notify. The flag is a sequence, subMsgWake: its value 1 says that
// a consumer sleeps. It is read before it is written, because writing a sequence is WAL.
const askWakeSQL = `
SELECT CASE WHEN pg_sequence_last_value('subMsgWake'::regclass) IS DISTINCT FROM 1 THEN pg_catalog.setval('subMsgWake', 1) END`

// clearWakeSQL clears the flag, because nobody needs a NOTIFY while a consumer is awake. Those who sleep on it are
// woken in the same transaction.
const clearWakeSQL = `
SELECT pg_catalog.setval('subMsgWake', 2), pg_notify('submsg', '')
WHERE pg_sequence_last_value('subMsgWake'::regclass) = 1 AND pg_notification_queue_usage() < 0.5::float8`

const wakeOthersSQL = `SELECT pg_notify('submsg', '') WHERE pg_notification_queue_usage() < 0.5::float8`

// writersSQL lists the transactions that have written, or are about to write, and may have read the flag before it
// was set. They hold this lock from before the trigger reads the flag until after their commit is visible. It is a
// statement of its own and comes before the others, because whoever isn't in it any more is in their snapshots.
const writersSQL = `
SELECT ARRAY(SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation IN ('subMsgList'::regclass::oid, 'subMsgPause'::regclass::oid) AND mode = 'RowExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid())`

// lookSQL tells what there is to do, now and next.
const lookSQL = `
SELECT coalesce((
        SELECT extract(epoch FROM min(t) - clock_timestamp())::float8 FROM (
            (SELECT dueAt AS t FROM subMsgList WHERE dueAt > now() ORDER BY dueAt LIMIT 1)
            UNION ALL
            (SELECT expireTime FROM subMsgList WHERE dueAt IS NOT NULL AND expireTime > now() ORDER BY expireTime LIMIT 1)
            UNION ALL
            SELECT leaseUntil FROM subMsgClaim WHERE leaseUntil > now()
            UNION ALL
            SELECT probeAt FROM subMsgPause WHERE probeAt > now()
        ) AS next WHERE t < now() + interval '1 day'), 86400) AS nextSeconds,
    EXISTS (SELECT FROM subMsgList WHERE dueAt IS NOT NULL AND expireTime <= now() AND id <> ALL ($1)) AS expired,
    EXISTS (SELECT FROM subMsgClaim WHERE leaseUntil <= now()) AS overdue,
    EXISTS (SELECT FROM subMsgPause) AS paused,
    EXISTS (SELECT` + fromDue + `) AS due,
    pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1 AS asked`

// view is what a look found.
type view struct {
	NextSeconds float64  // until a row falls due or expires, or a lease ends, or a pause is probed
	Expired     bool     // waiting rows are past their expireTime
	Overdue     bool     // claims are past their lease
	Paused      bool     // there are pauses
	Due         bool     // rows are due
	Asked       bool     // the flag is set: the triggers notify
	Writers     []string `db:"-"` // of a look that asks for wakes: open transactions that hold the table for writing
}

func (v view) next() time.Duration {
	return time.Duration(max(v.NextSeconds, 0) * float64(time.Second))
}

// idleFor tells whether nothing falls due within d. A view doesn't say whether a pause's probe is due already, so that
// there is no such time while there are pauses.
func (v view) idleFor(d time.Duration) bool { return v.next() > d && !v.Paused }

// nothingSending holds for a claim c of which no row is "sending" any more. The statement that deletes a claim's row
// looks for itself: after a failover that lost commits, what this process remembers to have settled isn't what the
// database holds, and nobody else would find those messages. OFFSET 0 keeps it a look at the claim's own rows, by their
// ids, however many claims there are.
const nothingSending = `
NOT EXISTS (
    SELECT FROM subMsgList m WHERE m.id = ANY (c.ids) AND m.claimId = c.claimId AND m.sendStatus = 'sending' OFFSET 0
)`

// deleteClaimsSQL deletes claims whose messages are all settled, as far as this process knows. A claim that stays is
// left to the sweep, when its lease is over.
const deleteClaimsSQL = `DELETE FROM subMsgClaim c WHERE claimId = ANY ($1::uuid[]) AND ` + nothingSending

// look reads a view. With ask, it first asks the triggers for wakes.
func (c *Consumer) look(ctx context.Context, ask bool) (view, error) {
	var v view
	var writers []string
	batch := new(pgx.Batch)
	ended := c.claims.takeEnded()
	if len(ended) > 0 {
		batch.Queue(planSQL)
		batch.Queue(deleteClaimsSQL, ended)
	}
	switch {
	case ask:
		batch.Queue(askWakeSQL)
		batch.Queue(writersSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&writers) })
	case c.listenConfig == nil:
		batch.Queue(clearWakeSQL) // nobody hears a NOTIFY, and it keeps applications from two-phase commit
	}
	batch.Queue(lookSQL, c.skipped.ids()).Query(func(rows pgx.Rows) (err error) {
		v, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[view])
		return err
	})
	err := c.cfg.Pool.SendBatch(ctx, batch).Close()
	if err != nil {
		c.claims.returnEnded(ended)
	}
	v.Writers = writers
	return v, err
}
