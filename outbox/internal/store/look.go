package store

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

// canarySQL makes a trial wake, which comes by the way of the wakes, from another session: one that the listening
// session sends itself is heard even through a transaction pooler. It stops where the triggers stop.
const canarySQL = `SELECT pg_notify($1, '') WHERE pg_notification_queue_usage() < 0.5::float8`

// writersSQL lists the transactions that have written, or are about to write, and may have read the flag before it
// was set. They hold this lock from before the trigger reads the flag until after their commit is visible. It is a
// statement of its own and comes before the others, because whoever isn't in it any more is in their snapshots.
const writersSQL = `
SELECT ARRAY(SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation IN ('subMsgList'::regclass::oid, 'subMsgPause'::regclass::oid) AND mode = 'RowExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid())`

// waitingSQL begins a statement: the templates that wait, by a loose index scan, and those of them with a message that
// may go. Where the first thousand of one may not ($1, or expired, or of a shape that is left to others), it is taken
// for one with such a message: a claim looks behind them. $2 are the templates and shapes that are left to others.
const waitingSQL = `
WITH RECURSIVE jump AS (
    (SELECT templateId FROM subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > j.templateId
        ORDER BY m.templateId LIMIT 1) FROM jump j WHERE j.templateId IS NOT NULL
), waiting AS MATERIALIZED (
    SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000
), may_go AS MATERIALIZED (
    SELECT w.templateId FROM waiting w
    WHERE w.templateId <> ALL ($2)
      AND w.templateId NOT IN (SELECT templateId FROM subMsgPause) AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
      AND EXISTS (SELECT FROM (
            SELECT id, expireTime, ours, row_number() OVER () AS nth FROM (
                SELECT id, expireTime, ` + oursInLook + ` AS ours FROM subMsgList m WHERE m.templateId = w.templateId AND m.dueAt <= now()
                ORDER BY m.dueAt, m.id LIMIT 1000) AS next) AS looked
        WHERE (expireTime IS NULL OR expireTime > now()) AND id <> ALL ($1) AND ours OR nth = 1000)
)`

// lookSQL tells what there is to do, now and next.
const lookSQL = waitingSQL + `
SELECT coalesce((
        SELECT extract(epoch FROM min(t) - clock_timestamp())::float8 FROM (
            SELECT n.dueAt AS t FROM waiting w CROSS JOIN LATERAL (SELECT dueAt FROM subMsgList m
                WHERE m.templateId = w.templateId AND m.dueAt > now() ORDER BY m.dueAt, m.id LIMIT 1) AS n
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
    ARRAY(SELECT templateId FROM subMsgPause WHERE templateId LIKE '*_%') AS stopped,
    (SELECT count(*) FROM waiting) = 1000 AS crowded,
    ARRAY(SELECT templateId FROM waiting) AS waiting,
    ARRAY(SELECT DISTINCT pg_catalog.concat(templateId, ' ', paramCount) FROM waiting JOIN ` + living + ` USING (templateId)) AS known,
    ARRAY(SELECT templateId FROM may_go) AS due,
    pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1 AS asked,
    clock_timestamp() AS clock`

// View is what a look found.
type View struct {
	NextSeconds float64   // until a row falls due or expires, or a lease ends, or a pause is probed
	Expired     bool      // waiting rows are past their expireTime
	Overdue     bool      // claims are past their lease
	Paused      bool      // there are pauses
	Stopped     []string  // the keys of the pauses of accounts
	Crowded     bool      // messages of a thousand templates wait, or of more
	Waiting     []string  // templates of which messages wait
	Known       []string  // of these, their shapes for each living replica
	Due         []string  // templates of which messages may go now, but for the pauses of accounts
	Asked       bool      // the flag is set: the triggers notify
	Writers     []string  `db:"-"` // of a look that asks for wakes: open transactions that hold the table for writing
	Clock       time.Time // the database's
}

// Next is how long it is until there may be something else to do.
func (v View) Next() time.Duration {
	return time.Duration(max(v.NextSeconds, 0) * float64(time.Second))
}

// IdleFor tells whether nothing falls due within d. A view doesn't say whether a pause's probe is due already, so that
// there is no such time while there are pauses.
func (v View) IdleFor(d time.Duration) bool { return v.Next() > d && !v.Paused }

// Flag is what a look does with the flag that makes the triggers notify.
type Flag int

// Besides looking, a look can leave the flag alone, ask the triggers for wakes, or clear the flag.
const (
	LeaveFlag Flag = iota
	AskForWakes
	ClearFlag
)

// Look reads a View, and deletes the claims that have ended. Messages in skip don't count, nor do the templates and
// shapes in leave.
func (s *Store) Look(ctx context.Context, flag Flag, ended []string, skip []int64, leave []string) (v View, err error) {
	var writers []string
	batch := new(pgx.Batch)
	if len(ended) > 0 || flag != LeaveFlag { // a consumer that sleeps leaves it at one statement
		batch.Queue(planSQL)
	}
	if len(ended) > 0 {
		batch.Queue(deleteClaimsSQL, ended)
	}
	switch flag {
	case AskForWakes:
		batch.Queue(askWakeSQL)
		batch.Queue(writersSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&writers) })
	case ClearFlag:
		batch.Queue(clearWakeSQL)
	}
	batch.Queue(lookSQL, orEmpty(skip), orEmpty(leave)).Query(func(rows pgx.Rows) (err error) {
		v, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[View])
		return err
	})
	err = s.Pool.SendBatch(ctx, batch).Close()
	v.Writers = writers
	return v, err
}

// ClearFlag clears the flag and wakes who sleeps on it; cleared: it was set.
func (s *Store) ClearFlag(ctx context.Context) (cleared bool, err error) {
	tag, err := s.Pool.Exec(ctx, clearWakeSQL)
	return tag.RowsAffected() > 0, err
}

// HandOver clears the flag and wakes the other consumers.
func (s *Store) HandOver(ctx context.Context) error {
	batch := new(pgx.Batch)
	batch.Queue(clearWakeSQL) // who sleeps sets it again; if nobody does, no application pays for a NOTIFY
	batch.Queue(wakeOthersSQL)
	return s.Pool.SendBatch(ctx, batch).Close()
}

// Canary notifies a channel; sent is false where the server's notification queue is half full.
func (s *Store) Canary(ctx context.Context, channel string) (sent bool, err error) {
	tag, err := s.Pool.Exec(ctx, canarySQL, channel)
	return tag.RowsAffected() > 0, err
}
