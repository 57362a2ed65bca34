package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Rates that make sense: one message an hour, and more than any database settles.
const leastRate, mostRate = 1. / 3600, 100_000.

// CheckRate tells whether rate can be a Config's: messages per second, 0 for no limit.
func CheckRate(rate float64) error {
	if rate == 0 || rate >= leastRate && rate <= mostRate { // not so for NaN
		return nil
	}
	return fmt.Errorf("a rate of %v messages per second: it must be 0 (no limit), or between one an hour and %.0f per second", rate, mostRate)
}

// Takes up to $2 permits of $3 a second: tells whether anything waits for one, how many were granted, and when there is the
// next. What is saved up is a second's worth at most, one at least. The bucket holds a time, to which each replica adds by
// its own rate: where the rates differ, a replica keeps to its own, and all together to the highest. A time too far ahead
// (a clock set back, a lower rate before) counts as an empty bucket. Where nothing waits nothing is written.
const permitSQL = `
WITH due AS MATERIALIZED (
    SELECT EXISTS (SELECT` + fromDue + `) OR EXISTS (` + pauseDuePart + `) AS waiting
), pace AS MATERIALIZED (
    SELECT spentUntil FROM subMsgPace WHERE (SELECT waiting FROM due) FOR UPDATE
), clock AS MATERIALIZED (
    SELECT spentUntil, clock_timestamp() AS t, make_interval(secs => greatest(1, 1 / $3::float8)) AS burst FROM pace
), spent AS MATERIALIZED (
    SELECT least(greatest(spentUntil, t), t + burst) AS until, t, burst FROM clock
), granted AS MATERIALIZED (
    SELECT *, least($2::int, floor(extract(epoch FROM t + burst - until + interval '1 us')::float8 * $3))::int AS n FROM spent
), taken AS (
    UPDATE subMsgPace SET spentUntil = until + make_interval(secs => n / $3) FROM granted WHERE n > 0 OR spentUntil > until
)
SELECT waiting, n, extract(epoch FROM until - burst - t)::float8 + (n + 1) / $3 FROM due LEFT JOIN granted ON true`

// grant is an answer of the bucket.
type grant struct {
	waiting bool          // messages are due; if none is, the bucket wasn't asked
	n       int           // permits
	next    time.Duration // until there is another one; negative: there are more
}

// askPermits takes up to n permits. One that isn't used is lost.
func (c *Consumer) askPermits(ctx context.Context, n int) (g grant, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	var granted *int
	var next *float64
	batch := new(pgx.Batch)
	batch.Queue(planSQL + `, ` + lockTimeout)
	batch.Queue(permitSQL, c.shunned.ids(), n, c.cfg.Rate).QueryRow(func(row pgx.Row) error { return row.Scan(&g.waiting, &granted, &next) })
	if err := c.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return grant{}, fmt.Errorf("pace: %w", err)
	}
	if granted != nil {
		g.n, g.next = *granted, time.Duration(*next*float64(time.Second))
	} else if g.waiting {
		return grant{}, errors.New("pace: the table subMsgPace is empty: INSERT INTO subMsgPace DEFAULT VALUES")
	}
	return g, nil
}

const (
	permitsKept = time.Second
	leastWant   = 2 // one more than a lone message needs: what isn't used up is no backlog
	// A backlog is sent in a few steps a second, rather than message by message.
	paceStep = 20 * time.Millisecond
	// Who holds the row locked is named in the log when he has done so for so many tries.
	paceLocked    = 100 * time.Millisecond
	mostPaceLocks = 20
)

// permits are what the rate lets this consumer send.
type permits struct {
	have   int       // granted, and not used yet
	until  time.Time // they are good
	next   time.Time // there is none before
	want   int       // asked for at once: as many as were of use the last time, and more while all are
	behind int       // messages claimed from the front of a backlog since one was from its end
	locked int       // tries in a row that met somebody's lock
}

// permits takes leave to send up to n messages; 0: nothing is due, or untilPermit.
func (r *round) permits(ctx context.Context, n int) (int, error) {
	if r.cfg.Rate == 0 {
		return n, nil
	}
	p, now := &r.pace, time.Now()
	if p.have > 0 && now.Before(p.until) {
		return min(n, p.have), nil
	}
	p.have = 0
	ask := min(n, max(p.want, leastWant))
	g, err := r.askPermits(ctx, ask)
	if sqlState(err) == lockNotAvailable { // by another replica, or by hand
		if p.locked++; p.locked == mostPaceLocks {
			r.cfg.Log.Warn("somebody holds the row of subMsgPace locked: messages wait")
		}
		p.next = now.Add(paceLocked)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	p.locked, p.have, p.until = 0, g.n, now.Add(permitsKept)
	if g.waiting && g.n < ask {
		p.next = time.Now().Add(max(g.next, paceStep))
	}
	return g.n, nil
}

// spend notes that of the permits n were used.
func (r *round) spend(permits, n int) {
	if r.cfg.Rate == 0 {
		return
	}
	r.pace.have -= n
	if r.pace.want = n + 1; n == permits {
		r.pace.want = 2 * n
	}
}

// untilPermit is how long there is certainly no permit.
func (r *round) untilPermit() time.Duration {
	if r.pace.have > 0 {
		return 0
	}
	return max(time.Until(r.pace.next), 0)
}

// paceRest rests until there is a permit, or it is time to look around.
func (r *round) paceRest() time.Duration {
	return max(min(r.untilPermit(), time.Until(r.looked.Add(r.cfg.Poll))), 0)
}

// freshPermits is how many of n go to new messages: a quarter of a backlog, as in an exchange.
func (r *round) freshPermits(n int) int { return min(n, r.pace.behind/(freshShare-1)) }

// queue notes whether a claim of n from the front has left a backlog.
func (r *round) queue(n int, full bool) {
	r.pace.behind += n
	if !full || r.cfg.Rate == 0 {
		r.pace.behind = 0
	}
}
