package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// permitSQL takes up to $2 permits of a token bucket that $3 permits a second fill. It tells whether anything waits
// for one, how many were granted, and when there is the next one. At most a second's worth is saved up, and at least
// one. The bucket holds a time, to which each replica adds by its own rate: where the rates differ, a replica keeps
// to its own, and all together to the highest. A time too far ahead (a clock set back, a lower rate before) counts as
// an empty bucket. Where nothing waits nothing is written.
const permitSQL = waitingSQL + `, due AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM may_go) OR EXISTS (SELECT FROM subMsgPause p WHERE probeAt <= now() AND (
        templateId = '*' AND EXISTS (SELECT FROM waiting)
        OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
            AND EXISTS (SELECT FROM subMsgList m WHERE m.templateId = p.templateId AND m.dueAt <= now()))) AS waiting
), pace AS MATERIALIZED (
    SELECT spentUntil FROM subMsgPace WHERE (SELECT waiting FROM due) FOR UPDATE
), clock AS MATERIALIZED (
    SELECT spentUntil, clock_timestamp() AS t, pg_catalog.make_interval(secs => greatest(1, 1::float8 / $3::float8)) AS burst FROM pace
), spent AS MATERIALIZED (
    SELECT least(greatest(spentUntil, t), t + burst) AS until, t, burst FROM clock
), granted AS MATERIALIZED (
    SELECT *, least($2::int, floor(extract(epoch FROM t + burst - until + interval '1 us')::float8 * $3))::int AS n FROM spent
), taken AS (
    UPDATE subMsgPace SET spentUntil = until + pg_catalog.make_interval(secs => n::float8 / $3) FROM granted WHERE n > 0 OR spentUntil > until
)
SELECT waiting, n AS granted, extract(epoch FROM until - burst - t)::float8 + (n + 1)::float8 / $3 AS nextSeconds
FROM due LEFT JOIN granted ON true`

// Permits is an answer of the bucket.
type Permits struct {
	Waiting bool          // messages are due; if none is, the bucket wasn't asked
	Granted int           // permits
	Next    time.Duration // until there is another one; negative: there are more
}

// ErrNoPace says that somebody has deleted the row of the bucket, and how to mend that.
var ErrNoPace = errors.New("pace: the table subMsgPace is empty: INSERT INTO subMsgPace DEFAULT VALUES")

// TakePermits takes up to n permits from the bucket. One that isn't used is lost. Messages in skip don't count.
func (s *Store) TakePermits(ctx context.Context, n int, rate float64, skip []int64) (Permits, error) {
	type answer struct {
		Waiting     bool
		Granted     *int // NULL where nothing waits, or where the bucket's row is missing
		NextSeconds *float64
	}
	var got answer
	batch := new(pgx.Batch)
	var clock time.Time
	queueClock(batch, &clock)
	batch.Queue(permitSQL, orEmpty(skip), n, rate).Query(func(rows pgx.Rows) (err error) {
		got, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[answer])
		return err
	})
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return Permits{}, err
	}
	if got.Granted == nil {
		if got.Waiting {
			return Permits{}, ErrNoPace
		}
		return Permits{}, nil
	}
	return Permits{got.Waiting, *got.Granted, time.Duration(*got.NextSeconds * float64(time.Second))}, nil
}
