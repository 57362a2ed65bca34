package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// probeSQL takes the probe of the pause that has been due for longest: one message of the paused template. While
// everything is paused only that is probed, by a message of whatever template: best of one that isn't paused itself,
// and never of one that only a person resumes. A pause for which there is no message keeps its turn and holds up no
// other.
const probeSQL = seekAnySQL + `, looked AS MATERIALIZED (
    SELECT p.templateId AS pause, p.probeAt, m.*
    FROM subMsgPause p JOIN given g ON p.templateId IN ('*', g.templateId) CROSS JOIN LATERAL (
        SELECT ctid AS place, id, templateId, dueAt,
            (expireTime IS NULL OR expireTime > now()) AND id <> ALL ($6) AND openid <> ALL ($7) AS fits
        FROM (SELECT ctid, id, templateId, dueAt, openid, expireTime FROM subMsgList l
            WHERE l.templateId = g.templateId AND l.dueAt <= now() AND (l.dueAt, l.id) > (g.dueAt, g.id)
            ORDER BY l.dueAt, l.id LIMIT $5) AS next) AS m
    WHERE p.probeAt <= now() AND clock_timestamp() < $8
        AND (p.templateId = '*' OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*'))
        AND (p.templateId <> '*' OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = g.templateId AND probeAt = 'infinity'))
), due AS MATERIALIZED (
    SELECT m.ctid AS place, m.id, p.templateId AS pause
    FROM (SELECT * FROM looked WHERE fits
            ORDER BY probeAt, templateId IN (SELECT templateId FROM subMsgPause), dueAt, id) AS o
        JOIN subMsgPause p ON p.templateId = o.pause JOIN subMsgList m ON m.ctid = o.place
    WHERE p.probeAt <= now() AND ` + stillDue + `
    LIMIT $4 FOR UPDATE OF p, m SKIP LOCKED
)`

// claimProbeSQL also sets the time of the next probe.
const claimProbeSQL = probeSQL + `, next AS (
    UPDATE subMsgPause SET probeAt = clock_timestamp() + $11::interval, probes = probes + 1
    WHERE templateId IN (SELECT pause FROM due)
)` + noteSQL + markSQL

// Probe claims the one message that tests whether the pause that has been due for longest is over, if there is one. Of
// c, the templates don't count.
func (s *Store) Probe(ctx context.Context, c *Claim, again time.Duration) (got Claimed, err error) {
	c.Limit = 1
	batch := new(pgx.Batch)
	var clock time.Time
	queueClock(batch, &clock)
	batch.Queue(claimProbeSQL, append(c.args(), c.ID, c.Lease, again)...).Query(func(rows pgx.Rows) error {
		return got.scan(rows, c.ID)
	})
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return Claimed{}, err
	}
	return got, nil
}
