package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// CheckRate tells whether rate can be a Config's: messages per second, 0 for no limit.
func CheckRate(rate float64) error {
	if rate == 0 || rate >= leastRate && rate <= mostRate { // not so for NaN
		return nil
	}
	return fmt.Errorf("a rate of %v messages per second: "+
		"it must be 0 (no limit), or between one an hour and %.0f per second", rate, mostRate)
}

// permitSQL takes up to $2 permits of a token bucket that $3 permits a second fill. It tells whether anything waits
// for one, how many were granted, and when there is the next one. At most a second's worth is saved up, and at least
// one. The bucket holds a time, to which each replica adds by its own rate: where the rates differ, a replica keeps
// to its own, and all together to the highest. A time too far ahead (a clock set back, a lower rate before) counts as
// an empty bucket. Where nothing waits nothing is written.
const permitSQL = `
WITH due AS MATERIALIZED (
    SELECT EXISTS (SELECT` + fromDue + `) OR EXISTS (` + pauseDuePart + `) AS waiting
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

// permitAnswer is an answer of the bucket.
type permitAnswer struct {
	waiting bool          // messages are due; if none is, the bucket wasn't asked
	granted int           // permits
	next    time.Duration // until there is another one; negative: there are more
}

var errNoPace = errors.New("pace: the table subMsgPace is empty: INSERT INTO subMsgPace DEFAULT VALUES")

// askPermits takes up to n permits from the bucket. One that isn't used is lost.
func (p *pacer) askPermits(ctx context.Context, n int) (permitAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	type answer struct {
		Waiting     bool
		Granted     *int // NULL where nothing waits, or where the bucket's row is missing
		NextSeconds *float64
	}
	var got answer
	batch := new(pgx.Batch)
	batch.Queue(planSQL + `, ` + setLockTimeout)
	batch.Queue(permitSQL, p.skipped.ids(), n, p.cfg.Rate).Query(func(rows pgx.Rows) (err error) {
		got, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[answer])
		return err
	})
	if err := p.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return permitAnswer{}, fmt.Errorf("pace: %w", err)
	}
	if got.Granted == nil {
		if got.Waiting {
			return permitAnswer{}, errNoPace
		}
		return permitAnswer{}, nil
	}
	next := time.Duration(*got.NextSeconds * float64(time.Second))
	return permitAnswer{got.Waiting, *got.Granted, next}, nil
}

// pacer keeps the permits that the rate gives to a claimer.
type pacer struct {
	*Consumer
	have        int       // granted, and not used yet
	until       time.Time // they are good
	next        time.Time // there is none before
	want        int       // to ask for: one more than were used the last time, and twice as many where all were
	sinceNewest int       // messages claimed from the front of a backlog since one was claimed from its end
	locked      int       // tries in a row that met somebody's lock
}

// takePermits takes leave to send up to n messages. It gets 0 where nothing is due, or until untilPermit.
func (p *pacer) takePermits(ctx context.Context, n int) (int, error) {
	if p.cfg.Rate == 0 {
		return n, nil
	}
	now := time.Now()
	if p.have > 0 && now.Before(p.until) {
		return min(n, p.have), nil
	}
	p.have = 0
	ask := min(n, max(p.want, leastAsk))
	got, err := p.askPermits(ctx, ask)
	if sqlState(err) == lockNotAvailable { // by another replica, or by hand
		if p.locked++; p.locked == mostPaceLocks {
			p.cfg.Log.Warn("somebody holds the row of subMsgPace locked: messages wait")
		}
		p.next = now.Add(paceLockedRest)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	p.locked, p.have, p.until = 0, got.granted, now.Add(permitsKept)
	if got.waiting && got.granted < ask {
		p.next = time.Now().Add(max(got.next, paceStep))
	}
	return got.granted, nil
}

// spendPermits notes that n of the permits that were taken were used.
func (p *pacer) spendPermits(taken, n int) {
	if p.cfg.Rate == 0 {
		return
	}
	p.have -= n
	if p.want = n + 1; n == taken {
		p.want = 2 * n
	}
}

// untilPermit is how long there is certainly no permit.
func (p *pacer) untilPermit() time.Duration {
	if p.have > 0 {
		return 0
	}
	return max(time.Until(p.next), 0)
}

// newestPermits is how many of n permits go to new messages: a quarter while there is a backlog, as in an exchange.
func (p *pacer) newestPermits(n int) int { return min(n, p.sinceNewest/(newestShare-1)) }

// countBacklog counts a claim of n messages from the front of the queue. full: it has left a backlog.
func (p *pacer) countBacklog(n int, full bool) {
	p.sinceNewest += n
	if !full || p.cfg.Rate == 0 {
		p.sinceNewest = 0
	}
}
