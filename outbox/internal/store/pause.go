package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// pauseSQL pauses templates. It leaves a pause as it is that is never probed ('infinity'): that is for a person to
// lift. A pause that is there already was tested by a probe that failed: the next one comes after a quarter of the time
// that it has lasted, so later and later, up to $6. It returns what is news: a pause that wasn't there before, or not
// for that errCode.
const pauseSQL = `
WITH known AS (
    SELECT templateId, errCode FROM subMsgPause WHERE templateId = ANY ($1::text[])
), stopped AS (
    INSERT INTO subMsgPause AS p (templateId, reason, errCode, errKind, probeAt, spellings)
    SELECT t, $2, $3, nullif($5, ''), clock_timestamp() + $4::interval, nullif($1::text[], ARRAY[t]) FROM pg_catalog.unnest($1::text[]) AS t
    ON CONFLICT (templateId) DO UPDATE
    SET reason = excluded.reason, errCode = excluded.errCode, errKind = excluded.errKind, spellings = excluded.spellings,
        probeAt = clock_timestamp() + least(greatest($4::interval, (clock_timestamp() - p.pausedAt) / 4::float8), $6::interval)
    WHERE p.probeAt < 'infinity'
    RETURNING templateId, errCode
)
SELECT FROM stopped s
WHERE NOT EXISTS (SELECT FROM known k WHERE k.templateId = s.templateId AND k.errCode IS NOT DISTINCT FROM s.errCode)`

// Pause is why templates are paused.
type Pause struct {
	Templates []string
	Reason    string
	Code      *int32
	Kind      string
	Probe     time.Duration // from now to the first probe
	Most      time.Duration // between two probes: the longer a pause lasts, the later comes the next
}

// Pause pauses templates. It waits for no lock.
func (s *Store) Pause(ctx context.Context, p Pause) (news bool, err error) {
	n, err := s.execBriefly(ctx, pauseSQL,
		p.Templates, Printable(p.Reason), p.Code, p.Probe, p.Kind, max(p.Most, p.Probe))
	return n > 0, err
}

// liftSQL ends pauses whose probe was answered. One that is never probed stays: it is for a person to lift.
const liftSQL = `
DELETE FROM subMsgPause WHERE templateId = ANY ($1) AND probeAt < 'infinity' AND ($2 OR errKind IS DISTINCT FROM $3)`

// Lift ends pauses, of those of the kind stubborn only if the probe was accepted. It waits for no lock.
func (s *Store) Lift(ctx context.Context, templates []string, accepted bool, stubborn string) (lifted bool, err error) {
	n, err := s.execBriefly(ctx, liftSQL, templates, accepted, stubborn)
	return n > 0, err
}

// probeAgainSQL brings the next probe forward: the last one never reached the channel, so it has shown nothing.
const probeAgainSQL = `
UPDATE subMsgPause SET probeAt = clock_timestamp() WHERE templateId = $1 AND probeAt < 'infinity'`

// ProbeAgain makes a pause's probe due now. It waits for no lock.
func (s *Store) ProbeAgain(ctx context.Context, template string) error {
	_, err := s.execBriefly(ctx, probeAgainSQL, template)
	return err
}

// execBriefly executes a statement that doesn't wait for a row that a person holds locked.
func (s *Store) execBriefly(ctx context.Context, sql string, args ...any) (rows int64, err error) {
	batch := new(pgx.Batch)
	batch.Queue(`SELECT ` + setLockTimeout)
	batch.Queue(sql, args...).Exec(countRows(&rows))
	return rows, s.Pool.SendBatch(ctx, batch).Close()
}

// StoppedSQL tells why nothing at all is sent until a person deletes the pause of everything.
const StoppedSQL = `SELECT reason FROM subMsgPause WHERE templateId = '*' AND probeAt = 'infinity'`
