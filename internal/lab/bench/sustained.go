package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/outbox"
)

const sustainClients = 32

// sustained inserts without pause while messages are sent. The limit inserts as fast with the triggers disabled while
// the same client posts, and nothing connects the two.
func (l suite) sustained(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.withFake(ctx, 0, func(f *fake, d workload) error {
		client, err := f.client(ctx, l.cfg.Senders)
		if err != nil {
			return err
		}
		defer client.Close()
		name := fmt.Sprintf("sustained, clients: %d, senders: %d", sustainClients, l.cfg.Senders)
		m, err := l.turns(ctx, name,
			side{"limit", func(ctx context.Context) ([]float64, error) { return d.insertBesidePosts(ctx, client) }},
			side{"submsg", func(ctx context.Context) ([]float64, error) { return d.insertAndSend(ctx, f) }})
		if err != nil {
			return err
		}
		limit, product := m[0], m[1]
		lines = []Line{
			compare(name+", sent", PerSecond, product[0], limit[0], nil),
			compare(name+", inserted", PerSecond, product[1], limit[1], nil),
			compare(name+", age p50", Seconds, product[2], nil, nil),
			compare(name+", age p99", Seconds, product[3], nil, nil),
		}
		return nil
	})
	return lines, err
}

func (d workload) insertBesidePosts(ctx context.Context, client outbox.Sender) ([]float64, error) {
	if err := d.clear(ctx); err != nil {
		return nil, err
	}
	if err := d.triggersOff(ctx); err != nil {
		return nil, err
	}
	// Both are measured in one window, which begins when the clients are ready.
	window, ready := until(d.cfg.Scale.SustainFor), make(chan struct{})
	open := sync.OnceFunc(func() { close(ready) })
	group, ctx := errgroup.WithContext(ctx)
	var inserted, sent []float64
	group.Go(func() error {
		defer open() // also where it fails
		n, took, err := d.load(ctx, sustainClients, func(i int) bool { open(); return window(i) })
		inserted = rate(n, took)
		return err
	})
	group.Go(func() error {
		<-ready
		began := time.Now()
		n, err := postWhile(ctx, client, d.cfg.Senders, window)
		sent = rate(n, time.Since(began))
		return err
	})
	err := group.Wait()
	return append(sent, inserted...), err
}

// sustainedSQL returns what was settled by the end, and how old each message had become by then or by its settlement: a
// message that still waits counts with its age.
const sustainedSQL = `
SELECT count(*) FILTER (WHERE sendTime <= $1),
    percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM least(sendTime, $1) - createTime))
FROM subMsgList WHERE createTime <= $1`

func (d workload) insertAndSend(ctx context.Context, f *fake) (out []float64, err error) {
	if err := d.clear(ctx); err != nil {
		return nil, err
	}
	book, err := f.ledger(ctx)
	if err != nil {
		return nil, err
	}
	var rows int
	err = d.serve(ctx, f, false, func(*child) error {
		n, took, err := d.load(ctx, sustainClients, until(d.cfg.Scale.SustainFor))
		if err != nil {
			return err
		}
		var end time.Time
		if err := d.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&end); err != nil {
			return err
		}
		d.step("sustained: sending what is left")
		if err := d.drained(ctx); err != nil {
			return err
		}
		var sent int
		var ages []float64
		err = d.pool.QueryRow(ctx, sustainedSQL, end).Scan(&sent, &ages)
		rows, out = n, append(rate(sent, took), rate(n, took)...)
		out = append(out, ages...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, d.audit(ctx, book, rows)
}
