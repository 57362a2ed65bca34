package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// permitSQL takes up to $3 permits of the token bucket of account $6, which $4 permits a second fill. It tells whether
// anything waits for one among the templates $5 (NULL: any), how many were granted, and when there is the next one. At
// most a second's worth is saved up, and at least one. The bucket holds a time, to which each replica adds by its own
// rate: where the rates differ, a replica keeps to its own, and all together to the highest. A time too far ahead (a
// clock set back, a lower rate before) counts as an empty bucket. Where nothing waits nothing is written.
const permitSQL = waitingSQL + `, own AS MATERIALIZED (
    SELECT templateId FROM waiting WHERE $5::text[] IS NULL OR templateId = ANY ($5)
), due AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM may_go JOIN own USING (templateId) WHERE NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*' || $6))
        OR EXISTS (SELECT FROM subMsgPause p WHERE probeAt <= now() AND (
            templateId IN ('*', '*' || $6) AND EXISTS (SELECT FROM own)
            OR NOT EXISTS (SELECT FROM subMsgPause WHERE templateId IN ('*', '*' || $6)) AND templateId IN (SELECT templateId FROM own)
                AND EXISTS (SELECT FROM subMsgList m WHERE m.templateId = p.templateId AND m.dueAt <= now()))) AS waiting
), pace AS MATERIALIZED (
    SELECT spentUntil FROM subMsgPace WHERE account = $6 AND (SELECT waiting FROM due) FOR UPDATE
), clock AS MATERIALIZED (
    SELECT spentUntil, clock_timestamp() AS t, pg_catalog.make_interval(secs => greatest(1, 1::float8 / $4::float8)) AS burst FROM pace
), spent AS MATERIALIZED (
    SELECT least(greatest(spentUntil, t), t + burst) AS until, t, burst FROM clock
), granted AS MATERIALIZED (
    SELECT *, least($3::int, floor(extract(epoch FROM t + burst - until + interval '1 us')::float8 * $4))::int AS n FROM spent
), taken AS (
    UPDATE subMsgPace SET spentUntil = until + pg_catalog.make_interval(secs => n::float8 / $4)
    FROM granted WHERE account = $6 AND (n > 0 OR spentUntil > until)
)
SELECT waiting, n AS granted, extract(epoch FROM until - burst - t)::float8 + (n + 1)::float8 / $4 AS nextSeconds
FROM due LEFT JOIN granted ON true`

// Permits is an answer of the bucket.
type Permits struct {
	Waiting bool          // messages are due; if none is, the bucket wasn't asked
	Granted int           // permits
	Next    time.Duration // until there is another one; negative: there are more
}

// Ask asks the bucket of an account for permits.
type Ask struct {
	Account   string
	Templates []string // that it sends; nil: any
	N         int      // at most so many
	Rate      float64  // of messages per second
}

// newPaceSQL makes the buckets of accounts that have none.
const newPaceSQL = `INSERT INTO subMsgPace (account) SELECT pg_catalog.unnest($1::text[]) ON CONFLICT DO NOTHING`

// TakePermits takes permits from buckets. One that isn't used is lost. Messages in skip don't count, nor do the
// shapes in leave.
func (s *Store) TakePermits(ctx context.Context, asks []Ask, skip []int64, leave []string) ([]Permits, error) {
	all, without, err := s.takePermits(ctx, asks, skip, leave)
	if err != nil || len(without) == 0 {
		return all, err
	}
	if _, err := s.Pool.Exec(ctx, newPaceSQL, without); err != nil {
		return nil, err
	}
	all, _, err = s.takePermits(ctx, asks, skip, leave)
	return all, err
}

// takePermits also returns the accounts that need a bucket and have none.
func (s *Store) takePermits(
	ctx context.Context, asks []Ask, skip []int64, leave []string,
) (all []Permits, without []string, err error) {
	type answer struct {
		Waiting     bool
		Granted     *int // NULL where nothing waits, or where there is no bucket
		NextSeconds *float64
	}
	batch := new(pgx.Batch)
	var clock time.Time
	queueClock(batch, &clock)
	for _, a := range asks {
		args := []any{orEmpty(skip), orEmpty(leave), a.N, a.Rate, a.Templates, a.Account}
		batch.Queue(permitSQL, args...).Query(func(rows pgx.Rows) error {
			got, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[answer])
			p := Permits{Waiting: got.Waiting}
			switch {
			case got.Granted != nil:
				p.Granted, p.Next = *got.Granted, time.Duration(*got.NextSeconds*float64(time.Second))
			case got.Waiting:
				without = append(without, a.Account)
			}
			all = append(all, p)
			return err
		})
	}
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, err
	}
	return all, without, nil
}
