package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// claimed is a Claimed with what its settlement needs.
type claimed struct {
	Claimed
	claim    uuid.UUID
	deadline time.Time // by this process's monotonic clock: no send begins or ends after it
	probe    string    // the pause that this message tests, "" for none
	broken   bool      // its parameters are no list of texts: a rule of the table was dropped
}

// One statement, its candidates fenced by a materialized CTE: without it the planner may run the
// limited part more than once and claim more rows than asked for.
// One person is sent one message at a time (WeChat's 43108), here and across replicas as far as they
// see each other's claims; the hashed NOT INs keep the scan in index order whatever the statistics say.
const dueSQL = `
WITH due AS MATERIALIZED (
    SELECT id, openid FROM subMsgList
    WHERE sendStatus = 'wait' AND sendAfter <= now() AND (expireTime IS NULL OR expireTime > now())
      AND openid NOT IN (SELECT openid FROM subMsgList WHERE sendStatus = 'sending')
      AND templateId NOT IN (SELECT templateId FROM subMsgPause)
      AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
      AND id <> ALL ($1)
    ORDER BY sendAfter, id LIMIT $2
    FOR UPDATE SKIP LOCKED
)`

const claimSQL = dueSQL + `, one AS (
    SELECT DISTINCT ON (openid) id FROM due ORDER BY openid, id
)
UPDATE subMsgList m
SET sendStatus = 'sending', claimId = $3, leaseUntil = clock_timestamp() + $4::interval, attempts = attempts + 1, updateTime = clock_timestamp()
FROM one WHERE m.id = one.id
RETURNING m.id, coalesce(m.openid, ''), coalesce(m.templateId, ''), m.parameterArr, coalesce(m.page, ''), m.attempts, ''`

// A pause's probe: one message of the paused template, and the next probe's time, in one statement. Where nothing
// waits the probe stays due.
const probeDueSQL = `
WITH pause AS MATERIALIZED (
    SELECT templateId FROM subMsgPause p
    WHERE probeAt <= now() AND (templateId = '*' OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*'))
    ORDER BY probeAt LIMIT 1
    FOR UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT m.id, p.templateId AS pause
    FROM pause p CROSS JOIN LATERAL (
        SELECT id FROM subMsgList
        WHERE sendStatus = 'wait' AND sendAfter <= now() AND (expireTime IS NULL OR expireTime > now())
          AND (templateId = p.templateId OR p.templateId = '*' AND templateId NOT IN (SELECT templateId FROM subMsgPause))
          AND openid NOT IN (SELECT openid FROM subMsgList WHERE sendStatus = 'sending')
          AND id <> ALL ($1)
        ORDER BY sendAfter, id LIMIT 1
        FOR UPDATE SKIP LOCKED) m
)`

const probeSQL = probeDueSQL + `, next AS (
    UPDATE subMsgPause SET probeAt = clock_timestamp() + $2::interval, probes = probes + 1
    WHERE templateId IN (SELECT pause FROM due)
)
UPDATE subMsgList m
SET sendStatus = 'sending', claimId = $3, leaseUntil = clock_timestamp() + $4::interval, attempts = attempts + 1, updateTime = clock_timestamp()
FROM due WHERE m.id = due.id
RETURNING m.id, coalesce(m.openid, ''), coalesce(m.templateId, ''), m.parameterArr, coalesce(m.page, ''), m.attempts, due.pause`

// claim takes up to n due messages, in the name of id: they are "sending" from here on.
func (c *Consumer) claim(ctx context.Context, id uuid.UUID, n int) ([]claimed, error) {
	return c.take(ctx, id, claimSQL, n)
}

// probe takes the one message that tests whether the longest due pause is over, if there is one.
func (c *Consumer) probe(ctx context.Context, id uuid.UUID) ([]claimed, error) {
	return c.take(ctx, id, probeSQL, c.cfg.ProbeEvery)
}

func (c *Consumer) take(ctx context.Context, id uuid.UUID, sql string, arg any) ([]claimed, error) {
	began := time.Now()
	rows, err := c.cfg.Pool.Query(ctx, sql, c.shunned.ids(), arg, id, c.cfg.Lease)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (claimed, error) {
		m := claimed{claim: id, deadline: began.Add(c.cfg.SendTimeout)}
		var params pgtype.Array[*string]
		err := row.Scan(&m.ID, &m.OpenID, &m.TemplateID, &params, &m.Page, &m.Attempt, &m.probe)
		m.Params, m.broken = texts(params)
		return m, err
	})
}

// texts are the elements of a text[]; broken tells that it is nested, or holds or is a NULL, which no template can mean.
func texts(array pgtype.Array[*string]) (list []string, broken bool) {
	list = make([]string, len(array.Elements))
	for i, element := range array.Elements {
		if element == nil {
			return nil, true
		}
		list[i] = *element
	}
	return list, !array.Valid || len(array.Dims) > 1
}
