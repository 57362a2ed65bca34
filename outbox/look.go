package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/failpoint"
)

// Sets the flag that makes the triggers notify (see migrations/…_wake.up.sql): read before written,
// because a written sequence is WAL.
const askWakeSQL = `
SELECT CASE WHEN pg_sequence_last_value('subMsgWake'::regclass) IS DISTINCT FROM 1 THEN setval('subMsgWake', 1) END`

// Clears it: nobody needs a NOTIFY while a consumer is awake. Those who slept on it are woken in the same transaction.
const clearWakeSQL = `
SELECT setval('subMsgWake', 2), pg_notify('submsg', '')
WHERE pg_sequence_last_value('subMsgWake'::regclass) = 1 AND pg_notification_queue_usage() < 0.5`

const wakeOthersSQL = `SELECT pg_notify('submsg', '') WHERE pg_notification_queue_usage() < 0.5`

// The transactions that have written, or are about to write, and may have read the flag before it was set: they hold this
// lock from before the trigger reads the flag until after their commit is visible. A statement of its own, before the
// others: whoever isn't here any more is in their snapshots.
const writersSQL = `
SELECT ARRAY(SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation IN ('subMsgList'::regclass, 'subMsgPause'::regclass) AND mode = 'RowExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid())`

// What there is to do, now and next.
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
        ) AS next WHERE t < now() + interval '1 day'), 86400),
    EXISTS (SELECT FROM subMsgList WHERE dueAt IS NOT NULL AND expireTime <= now() AND id <> ALL ($1)),
    EXISTS (SELECT FROM subMsgClaim WHERE leaseUntil <= now()),
    EXISTS (SELECT FROM subMsgPause),
    EXISTS (SELECT` + fromDue + `),
    pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1`

// view is what a look found.
type view struct {
	next    time.Duration // until a row falls due or expires, or a lease ends, or a pause is probed
	expired bool          // waiting rows are past their expireTime
	overdue bool          // claims are past their lease
	paused  bool          // there are pauses
	due     bool          // rows are due
	asked   bool          // the triggers notify
	writers []string      // with ask: open transactions that hold the table for writing
}

// A note may go when no row of its claim is "sending" any more. The statement that deletes it looks: after a failover that lost
// commits, what this process remembers to have settled isn't what the database holds, and nobody else would find those rows.
// OFFSET 0 keeps it a look at the claim's own rows, by their ids, however many notes there are.
const nothingSending = `NOT EXISTS (SELECT FROM subMsgList m WHERE m.id = ANY (c.ids) AND m.claimId = c.claimId AND m.sendStatus = 'sending' OFFSET 0)`

// Claims that are over, as far as this process knows. A note that stays is the sweep's, when its lease is over.
const forgetClaimsSQL = `DELETE FROM subMsgClaim c WHERE claimId = ANY ($1::uuid[]) AND ` + nothingSending

// look reads a view; with ask, it first asks the triggers for wakes.
func (c *Consumer) look(ctx context.Context, ask bool) (view, error) {
	var v view
	var next float64
	batch := new(pgx.Batch)
	over := c.claims.takeOver()
	if len(over) > 0 {
		batch.Queue(forgetClaimsSQL, over)
	}
	switch {
	case ask:
		batch.Queue(askWakeSQL)
		batch.Queue(writersSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&v.writers) })
	case c.listenConfig == nil:
		batch.Queue(clearWakeSQL) // nobody hears it, and it keeps applications from two-phase commit
	}
	batch.Queue(lookSQL, c.shunned.ids()).QueryRow(func(row pgx.Row) error {
		return row.Scan(&next, &v.expired, &v.overdue, &v.paused, &v.due, &v.asked)
	})
	err := c.cfg.Pool.SendBatch(ctx, batch).Close()
	if err != nil {
		c.claims.giveBack(over)
	}
	v.next = time.Duration(max(next, 0) * float64(time.Second))
	return v, err
}

const expiredSQL = `
SELECT id FROM subMsgList WHERE dueAt IS NOT NULL AND expireTime <= now() AND id <> ALL ($1) ORDER BY expireTime LIMIT 1000`

const expireSQL = `
UPDATE subMsgList SET sendStatus = 'expired', sendTime = clock_timestamp(), updateTime = clock_timestamp(),
    sendStatusMsg = concat_ws('; ', '过期未发送 (not sent before its expireTime)', sendStatusMsg)
WHERE id IN (SELECT id FROM subMsgList WHERE id = ANY ($1) AND sendStatus = 'wait' AND expireTime <= now() FOR UPDATE SKIP LOCKED)`

// expire ends waiting rows whose time is over.
func (c *Consumer) expire(ctx context.Context) error {
	rows, err := c.cfg.Pool.Query(ctx, expiredSQL, c.shunned.ids())
	if err != nil {
		return err
	}
	over, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(over) == 0 {
		return err
	}
	expired := int64(0)
	err = apart(over, func(ids []int64) error {
		tag, err := c.cfg.Pool.Exec(ctx, expireSQL, ids)
		expired += tag.RowsAffected()
		return err
	}, c.shun)
	if expired > 0 {
		c.cfg.Log.WithField("messages", expired).Warn("expired before they could be sent: set sendStatus to wait, with a later expireTime, to send them all the same")
	}
	return err
}

const overdueSQL = `
SELECT m.id, m.claimId, m.templateId, m.attempts FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
WHERE c.leaseUntil <= now() AND m.sendStatus = 'sending' AND m.leaseUntil <= now() AND m.id <> ALL ($1) LIMIT 1000`

const forgetOverdueClaimsSQL = `DELETE FROM subMsgClaim c WHERE leaseUntil <= now() AND ` + nothingSending

// sweep settles sending rows whose lease is over, in the name of whoever claimed them: as unknown,
// because they may have been sent.
func (c *Consumer) sweep(ctx context.Context) error {
	rows, err := c.cfg.Pool.Query(ctx, overdueSQL, c.shunned.ids())
	if err != nil {
		return err
	}
	var dead []settlement
	var m claimed
	_, err = pgx.ForEachRow(rows, []any{&m.ID, &m.claim, &m.TemplateID, &m.Attempt}, func() error {
		s := settle(m, c.abandoned(m), c.cfg.MaxAttempts)
		s.delay += time.Duration(len(dead)) * suspectEvery
		dead = append(dead, s)
		return nil
	})
	if err != nil {
		return err
	}
	if len(dead) > 0 {
		err = c.sweepRows(ctx, dead)
	}
	if err == nil {
		_, err = c.cfg.Pool.Exec(ctx, forgetOverdueClaimsSQL)
	}
	return err
}

func (c *Consumer) sweepRows(ctx context.Context, dead []settlement) error {
	c.cfg.Log.WithField("messages", len(dead)).Warn("not settled within their lease, whether they were sent is unknown: set their sendStatus to wait or to cancel")
	failpoint.Hit("sweeping")
	return apart(dead, func(part []settlement) error {
		_, err := c.write(ctx, part)
		return err
	}, func(s settlement, why error) { c.shun(s.id, why) })
}

const (
	// A message whose sender stopped so often may be what stops it.
	mostAbandoned = 3
	// What was in flight together when a sender stopped comes back one by one, so that the one among them that stops it
	// takes no other along a second time.
	suspectEvery = 200 * time.Millisecond
)

// abandoned is the verdict on a message whose sender was never heard of again.
func (c *Consumer) abandoned(m claimed) Verdict {
	switch {
	case c.cfg.Resend == nil || !c.cfg.Resend(m.TemplateID):
		return Verdict{Outcome: Unknown, Text: "发送中断，是否已送达未知；确认后可改 sendStatus 为 wait 重发或 cancel 取消 (the sender stopped in mid-send)"}
	case m.Attempt >= mostAbandoned:
		return Verdict{Outcome: Unknown, Text: fmt.Sprintf("第 %d 次发送仍中断，可能正是这条消息使 submsg 崩溃，不再自动重发，请联系 submsg 开发者 (quarantined: the sender stopped in mid-send again)", m.Attempt)}
	}
	return Verdict{Outcome: Later, Doubt: true, Text: "发送中断，按模板 onUnknown 自动重发 (the sender stopped in mid-send)"}
}
