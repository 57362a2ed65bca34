package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/submsg/submsg/outbox"
)

// backlog claims and sends from long queues, and from a short one beside many settled messages. The limit is the short
// queue by itself.
func (l suite) backlog(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.withFake(ctx, 0, func(f *fake, short workload) error {
		client, err := f.client(ctx, l.cfg.Senders)
		if err != nil {
			return err
		}
		defer client.Close()
		long, err := l.longQueue(ctx)
		if err != nil {
			return err
		}
		s := l.cfg.Scale
		fromShort := side{fmt.Sprintf("%d waiting", s.Base), func(ctx context.Context) ([]float64, error) {
			if err := short.clear(ctx); err != nil {
				return nil, err
			}
			if err := short.fill(ctx, s.Base); err != nil {
				return nil, err
			}
			return short.sample(ctx, f, client)
		}}
		fromLong := side{fmt.Sprintf("%d waiting", s.Backlog),
			func(ctx context.Context) ([]float64, error) { return (workload{long}).sample(ctx, f, client) }}
		if lines, err = l.compareQueues(ctx, fromShort, fromLong); err != nil || s.Settled == 0 {
			return err
		}
		return l.with(ctx, func(old workload) error {
			if err := old.fillSettled(ctx, s.Settled); err != nil {
				return err
			}
			more, err := l.compareQueues(ctx, fromShort,
				side{fmt.Sprintf("%d settled beside", s.Settled), func(ctx context.Context) ([]float64, error) {
					if err := old.exec(ctx, `DELETE FROM subMsgList WHERE sendStatus = 'wait'`); err != nil {
						return nil, err
					}
					if err := old.fill(ctx, s.Base); err != nil {
						return nil, err
					}
					return old.sample(ctx, f, client)
				}})
			lines = append(lines, more...)
			return err
		})
	})
	return lines, err
}

// longQueue makes the database with the backlog, once; few of its messages are ever sent.
func (l suite) longQueue(ctx context.Context) (*database, error) {
	if l.waiting != nil {
		return l.waiting, nil
	}
	d, err := l.create(ctx)
	if err != nil {
		return nil, err
	}
	l.waiting = d // from here on the lab drops it
	l.step("writing %d messages that wait", l.cfg.Scale.Backlog)
	return d, d.fill(ctx, l.cfg.Scale.Backlog)
}

func (l suite) compareQueues(ctx context.Context, base, other side) ([]Line, error) {
	name := "backlog, " + other.name
	m, err := l.turns(ctx, name, base, other)
	if err != nil {
		return nil, err
	}
	return []Line{
		compare(name+", a claim", Seconds, m[1][0], m[0][0], ratioAtMost(1.5)),
		compare(name+", drain", PerSecond, m[1][1], m[0][1], nil),
	}, nil
}

// sample sends the first messages of a queue. It returns how long a claim took, the median, and the rate.
func (d workload) sample(ctx context.Context, f *fake, client outbox.Sender) ([]float64, error) {
	before, err := d.settled(ctx)
	if err != nil {
		return nil, err
	}
	book, err := f.ledger(ctx)
	if err != nil {
		return nil, err
	}
	n := d.cfg.Scale.Sample
	var out []float64
	t, c := new(tracer), count(client, n)
	err = d.consume(ctx, c, d.cfg.Senders, t, func(began time.Time) error {
		err := c.wait(ctx)
		_, _, claims := t.read()
		out = append([]float64{claims.median()}, rate(n, time.Since(began))...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if out[0] == 0 {
		return nil, errors.New("no statement of the consumer was recognised as a claim")
	}
	after, err := d.settled(ctx)
	if err != nil {
		return nil, err
	}
	return out, book.balance(ctx, after-before)
}
