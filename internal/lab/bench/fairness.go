package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// singleEvery is the time between two single messages.
const singleEvery = 20 * time.Millisecond

// fairness is how long single messages take from their commit to the fake while a bulk is being sent that was inserted
// before them. The limit is the same singles with no bulk.
func (l suite) fairness(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.with(ctx, func(d workload) error {
		name := fmt.Sprintf("fairness, bulk: %d", l.cfg.Scale.Bulk)
		m, err := l.turns(ctx, name,
			side{"limit", func(ctx context.Context) ([]float64, error) { return d.singlesBehind(ctx, 0) }},
			side{"submsg", func(ctx context.Context) ([]float64, error) {
				return d.singlesBehind(ctx, l.cfg.Scale.Bulk)
			}})
		if err != nil {
			return err
		}
		limit, product := m[0], m[1]
		lines = []Line{
			compare(name+", singles, p50", Seconds, product[0], limit[0], nil),
			compare(name+", singles, p99", Seconds, product[1], limit[1], nil),
			// The maximum is that of all rounds: a message that was left waiting must be seen.
			compare(name+", singles, max", Seconds, series{slices.Max(product[2])}, series{slices.Max(limit[2])}, nil),
			compare(name+", drain of the bulk", PerSecond, product[3], nil, nil),
		}
		return nil
	})
	return lines, err
}

// singlesBehind returns the singles' delays, in seconds: p50, p99 and max, and the rate at which the bulk was sent. The
// fake is a new one each time: it remembers all that it accepts.
func (d workload) singlesBehind(ctx context.Context, bulk int) (out []float64, err error) {
	if err := d.clear(ctx); err != nil {
		return nil, err
	}
	f, err := d.startFake(0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	var commits map[int]time.Time
	var drained []float64
	err = d.serve(ctx, f, false, func(*child) (err error) {
		commits, drained, err = d.bulkAndSingles(ctx, f, bulk)
		return err
	})
	if err != nil {
		return nil, err
	}
	settled, err := d.settled(ctx)
	if err != nil {
		return nil, err
	}
	late, err := f.delays(ctx, commits, settled)
	return append([]float64{late.quantile(0.50), late.quantile(0.99), late.quantile(1)}, drained...), err
}

const singlesSentSQL = `SELECT NOT EXISTS (SELECT FROM subMsgList WHERE id > $1 AND sendStatus IN ('wait', 'sending'))`

// bulkAndSingles inserts the bulk in one transaction, then singles until it is sent, or the time is over. It returns
// when all singles are settled.
func (d workload) bulkAndSingles(
	ctx context.Context, f *fake, bulk int,
) (commits map[int]time.Time, drained []float64, err error) {
	conns, release, err := acquire(ctx, d.pool, 1)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	if err := rehearse(ctx, conns[0]); err != nil {
		return nil, nil, err
	}
	if bulk > 0 {
		d.step("inserting %d messages at once", bulk)
		if _, err := conns[0].Exec(ctx, fillSQL, template, params, d.last+1, d.last+bulk); err != nil {
			return nil, nil, err
		}
		d.last += bulk
	}
	var last int64
	if err := conns[0].QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM subMsgList`).Scan(&last); err != nil {
		return nil, nil, err
	}
	began := time.Now()
	commits, err = d.singles(ctx, conns[0], func() (bool, error) {
		n, err := f.accepted(ctx)
		return bulk == 0 || n < bulk, err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := d.await(ctx, "the last single message", singlesSentSQL, last); err != nil {
		return nil, nil, err
	}
	n, err := f.accepted(ctx)
	return commits, rate(n-len(commits), time.Since(began)), err
}

// singles inserts a message each tick, at least one.
func (d workload) singles(
	ctx context.Context, c *pgxpool.Conn, more func() (bool, error),
) (commits map[int]time.Time, err error) {
	tick := time.NewTicker(singleEvery)
	defer tick.Stop()
	commits = map[int]time.Time{}
	for open, window := true, until(d.cfg.Scale.SinglesFor); open && window(0); {
		d.last++
		if _, err := c.Exec(ctx, insertSQL, openid(d.last), template, params); err != nil {
			return nil, err
		}
		commits[d.last] = time.Now()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		if open, err = more(); err != nil {
			return nil, err
		}
	}
	return commits, nil
}
