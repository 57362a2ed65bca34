package outbox

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// claimed is a Claimed with what its settlement needs.
type claimed struct {
	Claimed
	claim    string    // the claimId as text, because each of pgx's ways to execute a statement can hand that over
	deadline time.Time // by this process's monotonic clock: no send begins or ends after it
	position position  // where it stood in the queue
	probe    string    // the pause that this message tests, "" for none
	broken   bool      // its parameters are no list of texts, because an administrator dropped a rule of the table
}

// position is a place in the queue. Messages go in the order of dueAt, id.
type position struct {
	dueAt pgtype.Timestamptz
	id    int64
}

var queueFront = position{dueAt: pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}}

func (p position) before(q position) bool {
	if p.dueAt.InfinityModifier != q.dueAt.InfinityModifier {
		return p.dueAt.InfinityModifier < q.dueAt.InfinityModifier
	}
	c := p.dueAt.Time.Compare(q.dueAt.Time)
	return c < 0 || c == 0 && p.id < q.id
}

// planSQL makes the plans of a transaction's statements: each is made once, and uses the index whatever the
// statistics say. Planning a claim costs more than executing it, and a plan that was made while the table was small
// must still do when the table is large. A plan type that is off counts as very expensive, so the just-in-time
// compiler has to be off as well.
const planSQL = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true),
    set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`

// fromDue is part of a statement: the messages that are due, and neither paused nor on the skiplist ($1).
const fromDue = ` FROM subMsgList
    WHERE dueAt <= now() AND (expireTime IS NULL OR expireTime > now())
      AND templateId NOT IN (SELECT templateId FROM subMsgPause)
      AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
      AND id <> ALL ($1)`

// duePart begins a claim: it says what the claim may take. The candidates stand in a materialized CTE, because
// otherwise the planner may run the limited part more than once and claim more rows than asked for.
const duePart = `
WITH due AS MATERIALIZED (
    SELECT ctid AS place, id` + fromDue + ` AND openid <> ALL ($5) `

// oldestSQL takes the oldest messages after a position in the queue. While an old transaction holds back vacuum, the
// index keeps what was claimed since that began, and a claim that began at the front would walk over all of it.
const oldestSQL = duePart + `AND (dueAt, id) > ($3, $4)
    ORDER BY dueAt, id LIMIT $2
    FOR UPDATE SKIP LOCKED
)`

// newestSQL takes the newest messages of the last seconds: those that came after a bulk of others, and would wait
// behind it.
const newestSQL = duePart + `AND (dueAt, id) > (now() - $3::interval, $4)
    ORDER BY dueAt DESC, id DESC LIMIT $2
    FOR UPDATE SKIP LOCKED
)`

// markSendingSQL ends a claim. It also notes in subMsgClaim which rows the claim holds, for the sweep: an index to
// find them by would have to be written at each settlement. It returns as the place in the queue what dueAt was.
const markSendingSQL = `, noted AS (
    INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
    SELECT $6, clock_timestamp() + $7::interval, pg_catalog.array_agg(id) FROM due HAVING count(*) > 0
)
UPDATE subMsgList m
SET sendStatus = 'sending', claimId = $6, leaseUntil = clock_timestamp() + $7::interval, attempts = attempts + 1,
    updateTime = clock_timestamp()
WHERE ctid = ANY (ARRAY(SELECT place FROM due))
RETURNING id, coalesce(openid, ''), coalesce(templateId, ''), parameterArr, coalesce(page, ''), attempts,
    coalesce(traceparent, ''), greatest(sendAfter, createTime), `

const (
	claimOldestSQL = oldestSQL + markSendingSQL + `''`
	claimNewestSQL = newestSQL + markSendingSQL + `''`
)

// pauseDuePart is part of a statement: the pauses whose probe is due. While everything is paused, only that pause is
// probed.
const pauseDuePart = `
    SELECT templateId FROM subMsgPause p
    WHERE probeAt <= now() AND (templateId = '*' OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*'))`

// probeDueSQL takes the probe of the pause that has been due for longest: one message of the paused template.
const probeDueSQL = `
WITH pause AS MATERIALIZED (` + pauseDuePart + `
    ORDER BY probeAt LIMIT 1
    FOR UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT m.place, m.id, p.templateId AS pause
    FROM pause p CROSS JOIN LATERAL (
        SELECT ctid AS place, id FROM subMsgList
        WHERE dueAt <= now() AND (expireTime IS NULL OR expireTime > now())
          AND (templateId = p.templateId OR p.templateId = '*' AND templateId NOT IN (SELECT templateId FROM subMsgPause))
          AND id <> ALL ($1) AND openid <> ALL ($5) AND (dueAt, id) > ($3, $4)
        ORDER BY dueAt, id LIMIT $2
        FOR UPDATE SKIP LOCKED) m
)`

// claimProbeSQL also sets the time of the next probe. That moves on where nothing waits, too: to find that nothing
// does means to walk over all that waits, and other pauses want their turn.
const claimProbeSQL = probeDueSQL + `, next AS (
    UPDATE subMsgPause SET probeAt = clock_timestamp() + $8::interval, probes = probes + 1
    WHERE templateId IN (SELECT templateId FROM pause)
)` + markSendingSQL + `(SELECT pause FROM due)`

// selection is which messages a claim seeks, and where in the queue it begins.
type selection struct {
	sql, due string // the claim, and the part of it that says what it may take
	after    any    // the dueAt of a position, or an age
	id       int64
}

var (
	oldest = selection{claimOldestSQL, oldestSQL, queueFront.dueAt, queueFront.id}
	newest = selection{claimNewestSQL, newestSQL, newestWithin, 0}
	probes = selection{claimProbeSQL, probeDueSQL, queueFront.dueAt, queueFront.id}
)

// claimProbe claims the one message that tests whether the pause that has been due for longest is over, if there is
// one.
func (c *Consumer) claimProbe(ctx context.Context, id string) ([]claimed, error) {
	return c.claim(ctx, id, probes, 1, c.cfg.ProbeEvery)
}

// claim claims up to limit due messages by the claimId id. They are "sending" from here on.
func (c *Consumer) claim(
	ctx context.Context, id string, from selection, limit int, more ...any,
) (got []claimed, err error) {
	batch := new(pgx.Batch)
	batch.Queue(planSQL)
	c.queueClaim(batch, &got, id, from, limit, more...)
	if err := c.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	c.claims.begin(id, len(got))
	return got, nil
}

// queueClaim adds a claim of limit messages to a batch of statements. What it takes is appended to got. The columns
// are scanned by position, into variables that are used again for each row: this is the hot path.
func (c *Consumer) queueClaim(
	batch *pgx.Batch, got *[]claimed, id string, from selection, limit int, more ...any,
) {
	deadline := time.Now().Add(c.cfg.SendTimeout)
	args := append([]any{c.skipped.ids(), limit, from.after, from.id, c.recipients.queued(), id, c.cfg.Lease}, more...)
	batch.Queue(from.sql, args...).Query(func(rows pgx.Rows) error {
		var params parameterList
		m := claimed{claim: id, deadline: deadline}
		columns := []any{&m.ID, &m.OpenID, &m.TemplateID, &params, &m.Page, &m.Attempt, &m.TraceParent,
			&m.position.dueAt, &m.probe}
		_, err := pgx.ForEachRow(rows, columns, func() error {
			m.Params, m.broken = params.texts()
			m.position.id, m.Due = m.ID, m.position.dueAt.Time // zero for an infinite one
			*got = append(*got, m)
			return nil
		})
		return err
	})
}
