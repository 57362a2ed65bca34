package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/submsg/submsg/outbox"
)

// poolSize is how many connections `submsg serve` has in use at once.
const poolSize = 4

// counter is a Sender that counts verdicts.
type counter struct {
	outbox.Sender
	given atomic.Int64
	want  int64
	done  chan struct{} // closed by the want-th
}

func count(s outbox.Sender, want int) *counter {
	return &counter{Sender: s, want: int64(want), done: make(chan struct{})}
}

func (c *counter) Send(ctx context.Context, m outbox.Claimed) outbox.Verdict {
	v := c.Sender.Send(ctx, m)
	if c.given.Add(1) == c.want {
		close(c.done)
	}
	return v
}

// wait returns at the last verdict; it gives up when there is none for a while.
func (c *counter) wait(ctx context.Context) error {
	for {
		before := c.given.Load()
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(patience):
			if now := c.given.Load(); now == before {
				return fmt.Errorf("no message was sent for %s, after %d of %d", patience, now, c.want)
			}
		}
	}
}

// consume runs a consumer in this process for as long as during takes. during gets the time at which it started:
// connected, and with its token.
func (d workload) consume(
	ctx context.Context, sender outbox.Sender, senders int, t *tracer, during func(began time.Time) error,
) error {
	pool, err := d.connect(ctx, d.url, poolSize, t)
	if err != nil {
		return err
	}
	defer pool.Close()
	_, release, err := acquire(ctx, pool, poolSize)
	if err != nil {
		return err
	}
	release() // all are open now
	consumer, err := outbox.New(outbox.Config{
		Pool: pool, ListenURL: d.url, Sender: sender, Log: d.cfg.Log, Senders: senders,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	t.reset()
	began := time.Now()
	go func() { ended <- consumer.Run(ctx) }()
	err = during(began)
	stop()
	return errors.Join(err, <-ended)
}

// send lets a consumer send and settle all of n waiting messages, and returns how long that took, and what it cost.
func (d workload) send(
	ctx context.Context, f *fake, client outbox.Sender, senders, n int,
) (took time.Duration, spent spentCPU, err error) {
	book, err := f.ledger(ctx)
	if err != nil {
		return 0, spent, err
	}
	c := count(client, n)
	err = d.consume(ctx, c, senders, new(tracer), func(began time.Time) error {
		before, err := d.cpu(ctx)
		if err != nil {
			return err
		}
		if err := c.wait(ctx); err != nil {
			return err
		}
		if err := d.await(ctx, "the last settlement", `SELECT NOT EXISTS (
			SELECT FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) WHERE m.sendStatus = 'sending')`); err != nil {
			return err
		}
		took = time.Since(began)
		after, err := d.cpu(ctx)
		spent = after.since(before)
		return err
	})
	if err != nil {
		return took, spent, err
	}
	return took, spent, d.audit(ctx, book, n)
}

// audit checks rows and fake against each other: n messages, each sent once and settled.
func (d workload) audit(ctx context.Context, book ledger, n int) error {
	settled, err := d.settled(ctx)
	if err == nil && settled != n {
		err = fmt.Errorf("%d messages were settled, not %d", settled, n)
	}
	return errors.Join(err, book.balance(ctx, n))
}

// refillAndSend does so with n messages that nobody has touched before.
func (d workload) refillAndSend(
	ctx context.Context, f *fake, client outbox.Sender, senders, n int,
) (took time.Duration, spent spentCPU, err error) {
	if err := d.clear(ctx); err != nil {
		return 0, spent, err
	}
	if err := d.fill(ctx, n); err != nil {
		return 0, spent, err
	}
	return d.send(ctx, f, client, senders, n)
}
