package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// probeDueSQL takes the probe of the pause that has been due for longest: one message of the paused template or
// account. While everything is paused only that is probed, and while an account is paused only that of its templates,
// by a message of whatever template: best of one that isn't paused itself, and never of one that only a person resumes.
// A pause for which there is no message keeps its turn and holds up no other.
const probeDueSQL = `, paused AS MATERIALIZED (
    SELECT p.templateId AS pause, p.probeAt, g.*
    FROM subMsgPause p CROSS JOIN (SELECT * FROM given JOIN accounts USING (n)) AS g
    WHERE p.probeAt <= now() AND clock_timestamp() < $12 AND p.templateId IN ('*', '*' || g.account, g.templateId)
        AND (p.templateId = '*' OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*'))
        AND (p.templateId <> g.templateId OR NOT EXISTS (SELECT FROM subMsgPause o WHERE o.templateId = '*' || g.account))
        AND (p.templateId = g.templateId
            OR NOT EXISTS (SELECT FROM subMsgPause o WHERE o.templateId IN ('*' || g.account, g.templateId) AND o.probeAt = 'infinity'))
), looked AS MATERIALIZED (
    SELECT p.pause, p.probeAt, m.*
    FROM paused p CROSS JOIN LATERAL (
        SELECT ctid AS place, id, templateId, dueAt,
            (expireTime IS NULL OR expireTime > now()) AND id <> ALL ($10) AND NOT (p.alone AND openid = ANY ($11)) AND ours AS fits
        FROM (SELECT ctid, id, templateId, dueAt, openid, expireTime, ` + oursInClaim + ` AS ours FROM subMsgList l
            WHERE l.templateId = p.templateId AND l.dueAt <= now() AND (l.dueAt, l.id) > (p.dueAt, p.id)
            ORDER BY l.dueAt, l.id LIMIT p.depth) AS next) AS m
), due AS MATERIALIZED (
    SELECT m.ctid AS place, m.id, p.templateId AS pause
    FROM (SELECT * FROM looked WHERE fits
            ORDER BY probeAt, templateId IN (SELECT templateId FROM subMsgPause), dueAt, id) AS o
        JOIN subMsgPause p ON p.templateId = o.pause JOIN subMsgList m ON m.ctid = o.place
    WHERE p.probeAt <= now() AND ` + stillDue + `
    LIMIT $9 FOR UPDATE OF p, m SKIP LOCKED
)`

// nextProbeSQL sets the time of the next probe.
const nextProbeSQL = `, next AS (
    UPDATE subMsgPause SET probeAt = clock_timestamp() + $16::interval, probes = probes + 1
    WHERE templateId IN (SELECT pause FROM due)
)`

// The statements of probes.
const (
	probeManySQL = seekManySQL + probeDueSQL + noteSQL + nextProbeSQL + markSQL
	probeAnySQL  = seekAnySQL + probeDueSQL + noteSQL + nextProbeSQL + markSQL
)

// probeSQL is the statement of a probe.
func (c *Claim) probeSQL() string {
	if c.ofAny() {
		return probeAnySQL
	}
	return probeManySQL
}

// Probe claims the one message that tests whether the pause that has been due for longest is over, if there is one. Of
// c, the places in the queues don't count.
func (s *Store) Probe(ctx context.Context, c *Claim, again time.Duration) (got Claimed, err error) {
	c.Limit = 1
	batch := new(pgx.Batch)
	var clock time.Time
	queueClock(batch, &clock)
	args := append(c.args(), c.ID, c.Lease, again)
	batch.Queue(c.probeSQL(), args...).Query(func(rows pgx.Rows) error { return got.scan(rows, c.ID) })
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return Claimed{}, err
	}
	return got, nil
}
