package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A pause keeps the messages of a template (or, under Account, all messages) waiting without touching their rows. It
// is a row of subMsgPause, so every replica obeys it, and a person can see and delete it.

// pauseSQL pauses templates. It leaves a pause as it is that is never probed ('infinity'): that is for a person to
// lift. It returns what is news: a pause that wasn't there before, or not for that errCode.
const pauseSQL = `
WITH known AS (
    SELECT templateId, errCode FROM subMsgPause WHERE templateId = ANY ($1::text[])
), stopped AS (
    INSERT INTO subMsgPause AS p (templateId, reason, errCode, errKind, probeAt)
    SELECT t, $2, $3, nullif($5, ''), clock_timestamp() + $4::interval FROM pg_catalog.unnest($1::text[]) AS t
    ON CONFLICT (templateId) DO UPDATE
    SET reason = excluded.reason, errCode = excluded.errCode, errKind = excluded.errKind, probeAt = excluded.probeAt
    WHERE p.probeAt < 'infinity'
    RETURNING templateId, errCode
)
SELECT FROM stopped s
WHERE NOT EXISTS (SELECT FROM known k WHERE k.templateId = s.templateId AND k.errCode IS NOT DISTINCT FROM s.errCode)`

// liftSQL ends a pause whose probe was answered. One that is never probed stays: it is for a person to lift.
const liftSQL = `DELETE FROM subMsgPause WHERE templateId = $1 AND probeAt < 'infinity'`

// probeAgainSQL brings the next probe forward: the last one never reached the channel, so it has shown nothing.
const probeAgainSQL = `
UPDATE subMsgPause SET probeAt = clock_timestamp() WHERE templateId = $1 AND probeAt < 'infinity'`

const stoppedSQL = `SELECT reason FROM subMsgPause WHERE templateId = '*' AND probeAt = 'infinity'`

// Stopped tells why nothing at all is sent until a person deletes the pause of everything; "" if there is no such
// pause. A pause for something that WeChat has stopped isn't meant, because that is tried now and then.
func Stopped(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (why string, err error) {
	err = db.QueryRow(ctx, stoppedSQL).Scan(&why)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return why, err
}

// judge returns the verdict for the message's own row, the templates to pause, and, if the message was a probe, the
// statement that updates its pause.
func (s *settler) judge(m claimed, v Verdict) (own Verdict, pauses []string, shown string) {
	switch {
	case v.Outcome == Halt:
		s.accountTrouble = 0
		return v, v.Stops, ""
	case v.Outcome == Refused && v.Code == nil:
		return v, nil, probeAgainSQL
	case v.Outcome == Accepted || v.Outcome == Refused:
		s.accountTrouble = 0
		return v, nil, liftSQL
	case len(v.Stops) == 0:
		return v, nil, ""
	}
	s.accountTrouble++
	if s.accountTrouble < accountTroubleLimit && m.probe == "" {
		return v, nil, ""
	}
	if v.Outcome == Later && !v.Doubt {
		v.Outcome = Halt // it is everybody's trouble, so no message is at fault
	}
	return v, v.Stops, ""
}

// pauseRequest is a pause that a batch of settlements asks for: one, however many of its rows met the same.
type pauseRequest struct {
	templates []string
	why       Verdict
	rows      []int
}

func addPauseRequest(list []pauseRequest, row int, templates []string, why Verdict) []pauseRequest {
	i := slices.IndexFunc(list, func(r pauseRequest) bool { return slices.Equal(r.templates, templates) })
	if i < 0 {
		return append(list, pauseRequest{templates, why, []int{row}})
	}
	list[i].why, list[i].rows = why, append(list[i].rows, row)
	return list
}

// writePauses writes the pauses that a batch asks for. Where a person holds one locked, or the database refuses it,
// each of the rows that asked for it is given a delay of its own instead.
func (s *settler) writePauses(ctx context.Context, requests []pauseRequest, rows []settlement) {
	for _, r := range requests {
		err := s.retry(ctx, "pause", func(ctx context.Context) error { return s.pause(ctx, r.templates, r.why) })
		if err == nil {
			continue
		}
		for _, i := range r.rows {
			rows[i].delay = max(rows[i].delay, s.cfg.ProbeEvery)
		}
		if log := s.cfg.Log.WithField("templates", r.templates); sqlState(err) == lockNotAvailable {
			log.Warn("a transaction holds their row of subMsgPause locked: until it ends, each message waits by itself")
		} else if s.skipped.news("pause " + sqlState(err)) {
			log.Errorf("the database refuses their pause: until the constraint or trigger that does so is mended, "+
				"each message waits by itself: %v", err)
		}
	}
}

func (s *settler) pause(ctx context.Context, templates []string, why Verdict) error {
	news, err := s.execBriefly(ctx, pauseSQL, templates, printable(why.Text), why.Code, s.cfg.ProbeEvery, why.Kind)
	if err == nil && news > 0 {
		s.cfg.Log.WithField("templates", templates).Warnf("paused, one message every %s tries whether it is over: %s",
			s.cfg.ProbeEvery.Round(time.Second), why.Text)
	}
	return err
}

// noteProbe writes into a pause what its probe has shown.
func (s *settler) noteProbe(ctx context.Context, sql, template string) error {
	rows, err := s.execBriefly(ctx, sql, template)
	if err == nil && rows > 0 && sql == liftSQL {
		s.cfg.Log.WithField("template", template).Info("the pause is over")
	}
	return err
}

// execBriefly executes a statement that doesn't wait for a row that a person holds locked.
func (s *settler) execBriefly(ctx context.Context, sql string, args ...any) (rows int64, err error) {
	batch := new(pgx.Batch)
	batch.Queue(`SELECT ` + setLockTimeout)
	batch.Queue(sql, args...).Exec(func(tag pgconn.CommandTag) error {
		rows = tag.RowsAffected()
		return nil
	})
	return rows, s.cfg.Pool.SendBatch(ctx, batch).Close()
}
