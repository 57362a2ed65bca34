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
	claim    string    // a uuid, as text: each of pgx's ways to execute a statement can hand that over
	deadline time.Time // by this process's monotonic clock: no send begins or ends after it
	place    place     // where it stood in the queue
	probe    string    // the pause that this message tests, "" for none
	broken   bool      // its parameters are no list of texts: a rule of the table was dropped
}

// place is a position in the queue: messages go in the order of dueAt, id.
type place struct {
	dueAt pgtype.Timestamptz
	id    int64
}

var front = place{dueAt: pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}}

func (p place) before(q place) bool {
	if p.dueAt.InfinityModifier != q.dueAt.InfinityModifier {
		return p.dueAt.InfinityModifier < q.dueAt.InfinityModifier
	}
	c := p.dueAt.Time.Compare(q.dueAt.Time)
	return c < 0 || c == 0 && p.id < q.id
}

// Plans are made once, and from the index whatever the statistics say: planning a claim costs more than executing it,
// and a plan made while the table was small must do when it isn't. What is off counts as dear, which must not look worth
// compiling. All of that for this transaction only.
const planSQL = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true),
    set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`

// The messages that are due, and neither paused nor shunned ($1).
const fromDue = ` FROM subMsgList
    WHERE dueAt <= now() AND (expireTime IS NULL OR expireTime > now())
      AND templateId NOT IN (SELECT templateId FROM subMsgPause)
      AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
      AND id <> ALL ($1)`

// What a claim may take. The candidates stand in a materialized CTE: without it the planner may run the limited part more
// than once and claim more rows than asked for.
const duePart = `
WITH due AS MATERIALIZED (
    SELECT ctid AS place, id` + fromDue + ` AND openid <> ALL ($5) `

// The oldest after a place in the queue. Under a transaction that holds back vacuum, what was claimed since it began
// can't leave the index, and a claim that began at the front would walk over all of that.
const dueSQL = duePart + `AND (dueAt, id) > ($3, $4)
    ORDER BY dueAt, id LIMIT $2
    FOR UPDATE SKIP LOCKED
)`

// The newest of the last seconds: those that came after a bulk of others, and would wait behind it.
const freshSQL = duePart + `AND (dueAt, id) > (now() - $3::interval, $4)
    ORDER BY dueAt DESC, id DESC LIMIT $2
    FOR UPDATE SKIP LOCKED
)`

// Who is sending what is noted in subMsgClaim, for the sweep: an index of it would have to be written at each settlement.
const takeSQL = `, noted AS (
    INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
    SELECT $6, clock_timestamp() + $7::interval, array_agg(id) FROM due HAVING count(*) > 0
)
UPDATE subMsgList m
SET sendStatus = 'sending', claimId = $6, leaseUntil = clock_timestamp() + $7::interval, attempts = attempts + 1, updateTime = clock_timestamp()
WHERE ctid = ANY (ARRAY(SELECT place FROM due))
RETURNING id, coalesce(openid, ''), coalesce(templateId, ''), parameterArr, coalesce(page, ''), attempts, coalesce(traceparent, ''), sendAfter, `

const (
	claimSQL      = dueSQL + takeSQL + `''`
	claimFreshSQL = freshSQL + takeSQL + `''`
)

const pauseDuePart = `
    SELECT templateId FROM subMsgPause p
    WHERE probeAt <= now() AND (templateId = '*' OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*'))`

// A pause's probe: one message of the paused template, and the next probe's time, in one statement. That moves on where
// nothing waits, too: to find that nothing does means to walk over all that waits, and others want their turn.
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

const probeSQL = probeDueSQL + `, next AS (
    UPDATE subMsgPause SET probeAt = clock_timestamp() + $8::interval, probes = probes + 1
    WHERE templateId IN (SELECT templateId FROM pause)
)` + takeSQL + `(SELECT pause FROM due)`

// lane is where claims begin.
type lane struct {
	sql, due string // the claim, and its part that says what it may take
	after    any    // a place's dueAt, or an age
	id       int64
}

var (
	oldest = lane{claimSQL, dueSQL, front.dueAt, front.id}
	newest = lane{claimFreshSQL, freshSQL, freshWithin, 0}
	probes = lane{probeSQL, probeDueSQL, front.dueAt, front.id}
)

// probe takes the one message that tests whether the longest due pause is over, if there is one.
func (c *Consumer) probe(ctx context.Context, id string) ([]claimed, error) {
	return c.take(ctx, id, probes, 1, c.cfg.ProbeEvery)
}

// take takes up to limit due messages, in the name of id: they are "sending" from here on.
func (c *Consumer) take(ctx context.Context, id string, from lane, limit int, more ...any) (got []claimed, err error) {
	batch := new(pgx.Batch)
	batch.Queue(planSQL)
	c.queueClaim(batch, &got, id, from, limit, more...)
	if err := c.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	c.claims.begin(id, len(got))
	return got, nil
}

// queueClaim adds a claim of limit messages to batch. What it takes is appended to got.
func (c *Consumer) queueClaim(batch *pgx.Batch, got *[]claimed, id string, from lane, limit int, more ...any) {
	deadline := time.Now().Add(c.cfg.SendTimeout)
	args := append([]any{c.shunned.ids(), limit, from.after, from.id, c.lines.queued(), id, c.cfg.Lease}, more...)
	batch.Queue(from.sql, args...).Query(func(rows pgx.Rows) error {
		var params list
		m := claimed{claim: id, deadline: deadline}
		_, err := pgx.ForEachRow(rows, []any{&m.ID, &m.OpenID, &m.TemplateID, &params, &m.Page, &m.Attempt, &m.TraceParent, &m.place.dueAt, &m.probe}, func() error {
			m.Params, m.broken = params.texts()
			m.place.id, m.Due = m.ID, m.place.dueAt.Time // zero for an infinite one
			*got = append(*got, m)
			return nil
		})
		return err
	})
}
