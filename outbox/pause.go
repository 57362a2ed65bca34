package outbox

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A pause keeps rows of a template (or, under Account, of all) waiting without touching them. It is a row of
// subMsgPause, so every replica obeys it and a person can see and delete it.
// One that is never probed, at 'infinity', is for a person to lift, and stays as it is.
// It returns what is news: a pause that wasn't there before, or not for that errCode.
const pauseSQL = `
WITH known AS (
    SELECT templateId, errCode FROM subMsgPause WHERE templateId = ANY ($1::text[])
), stopped AS (
    INSERT INTO subMsgPause AS p (templateId, reason, errCode, probeAt)
    SELECT t, $2, $3, clock_timestamp() + $4::interval FROM unnest($1::text[]) AS t
    ON CONFLICT (templateId) DO UPDATE
    SET reason = excluded.reason, errCode = excluded.errCode, probeAt = excluded.probeAt
    WHERE p.probeAt < 'infinity'
    RETURNING templateId, errCode
)
SELECT FROM stopped s
WHERE NOT EXISTS (SELECT FROM known k WHERE k.templateId = s.templateId AND k.errCode IS NOT DISTINCT FROM s.errCode)`

const liftSQL = `DELETE FROM subMsgPause WHERE templateId = $1 AND probeAt < 'infinity'`

// A probe that never came to the channel has shown nothing: the next one needn't wait.
const probeAgainSQL = `UPDATE subMsgPause SET probeAt = clock_timestamp() WHERE templateId = $1 AND probeAt < 'infinity'`

// troubleLimit is how many sends in a row may meet everybody's trouble before the account is paused.
const troubleLimit = 5

// judge decides what a verdict means for others than its message: whom to stop, and, on a probe, the statement that says in its
// pause what it has shown. It returns the verdict that its own row is settled with. Called by one goroutine.
func (c *Consumer) judge(m claimed, v Verdict) (own Verdict, stops []string, probed string) {
	switch {
	case v.Outcome == Halt:
		c.trouble = 0
		return v, v.Stops, ""
	case v.Outcome == Refused && v.Code == nil:
		return v, nil, probeAgainSQL
	case v.Outcome == Accepted || v.Outcome == Refused:
		c.trouble = 0
		return v, nil, liftSQL
	case len(v.Stops) == 0:
		return v, nil, ""
	}
	c.trouble++
	if c.trouble < troubleLimit && m.probe == "" {
		return v, nil, ""
	}
	if v.Outcome == Later && !v.Doubt {
		v.Outcome = Halt // everybody's trouble: no message is at fault
	}
	return v, v.Stops, ""
}

// stop is a pause that a batch asks for: one, however many of its rows met the same.
type stop struct {
	templates []string
	why       Verdict
	rows      []int
}

func addStop(stops []stop, row int, templates []string, why Verdict) []stop {
	i := slices.IndexFunc(stops, func(s stop) bool { return slices.Equal(s.templates, templates) })
	if i < 0 {
		return append(stops, stop{templates, why, []int{row}})
	}
	stops[i].why, stops[i].rows = why, append(stops[i].rows, row)
	return stops
}

// pauseFor writes pauses. Where a person holds one locked, or the database refuses it, the rows that asked for it are given a
// delay each.
func (c *Consumer) pauseFor(ctx context.Context, stops []stop, rows []settlement) {
	for _, s := range stops {
		err := c.retry(ctx, "pause", func(ctx context.Context) error { return c.pause(ctx, s.templates, s.why) })
		if err == nil {
			continue
		}
		for _, i := range s.rows {
			rows[i].delay = max(rows[i].delay, c.cfg.ProbeEvery)
		}
		if log := c.cfg.Log.WithField("templates", s.templates); sqlState(err) == lockNotAvailable {
			log.Warn("a transaction holds their row of subMsgPause locked: until it ends, each message waits by itself")
		} else if c.shunned.news("pause " + sqlState(err)) {
			log.Errorf("the database refuses their pause: until the constraint or trigger that does so is mended, each message waits by itself: %v", err)
		}
	}
}

// briefly executes a statement that doesn't wait for a row that a person holds locked.
func (c *Consumer) briefly(ctx context.Context, sql string, args ...any) (rows int64, err error) {
	batch := new(pgx.Batch)
	batch.Queue(`SELECT ` + lockTimeout)
	batch.Queue(sql, args...).Exec(func(tag pgconn.CommandTag) error {
		rows = tag.RowsAffected()
		return nil
	})
	return rows, c.cfg.Pool.SendBatch(ctx, batch).Close()
}

func (c *Consumer) pause(ctx context.Context, stops []string, v Verdict) error {
	news, err := c.briefly(ctx, pauseSQL, stops, printable(v.Text), v.Code, c.cfg.ProbeEvery)
	if err == nil && news > 0 {
		c.cfg.Log.WithField("templates", stops).Warnf("paused, one message every %s tries whether it is over: %s", c.cfg.ProbeEvery.Round(time.Second), v.Text)
	}
	return err
}

// probed writes into a pause what its probe has shown.
func (c *Consumer) probed(ctx context.Context, sql, template string) error {
	rows, err := c.briefly(ctx, sql, template)
	if err == nil && rows > 0 && sql == liftSQL {
		c.cfg.Log.WithField("template", template).Info("the pause is over")
	}
	return err
}
