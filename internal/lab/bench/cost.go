package bench

import (
	"context"
	"fmt"
	"time"
)

const costClients = 8

// cost is what messages cost the server from insert to settlement, what submsg costs when nothing happens, and its
// memory.
func (l suite) cost(ctx context.Context) ([]Line, error) {
	var lines []Line
	for _, part := range []func(suite, context.Context) ([]Line, error){
		suite.costPerMessage, suite.idle, suite.memory,
	} {
		more, err := part(l, ctx)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	return lines, nil
}

// costPerMessage has clients insert one message a transaction. The limit is the insert alone: triggers disabled,
// nothing sent.
func (l suite) costPerMessage(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.withFake(ctx, 0, func(f *fake, d workload) error {
		client, err := f.client(ctx, l.cfg.Senders)
		if err != nil {
			return err
		}
		defer client.Close()
		name := fmt.Sprintf("cost, clients: %d", costClients)
		n := l.cfg.Scale.Cost
		insert := func() error {
			_, _, err := d.load(ctx, costClients, func(i int) bool { return i <= n })
			return err
		}
		m, err := l.turns(ctx, name,
			side{"inserts alone", func(ctx context.Context) ([]float64, error) {
				return d.spent(ctx, n, func() error {
					if err := d.triggersOff(ctx); err != nil {
						return err
					}
					return insert()
				})
			}},
			side{"submsg", func(ctx context.Context) ([]float64, error) {
				book, err := f.ledger(ctx)
				if err != nil {
					return nil, err
				}
				t := new(tracer)
				out, err := d.spent(ctx, n, func() error {
					c := count(client, n)
					return d.consume(ctx, c, l.cfg.Senders, t, func(time.Time) error {
						if err := insert(); err != nil {
							return err
						}
						if err := c.wait(ctx); err != nil {
							return err
						}
						return d.drained(ctx)
					})
				})
				if err != nil {
					return nil, err
				}
				statements, _, _ := t.read()
				return append(out, float64(statements)/float64(n)), d.audit(ctx, book, n)
			}})
		if err != nil {
			return err
		}
		lines = []Line{
			compare(name+", WAL a message", Bytes, m[1][0], m[0][0], valueAtMost(1200)),
			compare(name+", buffers touched", PerMessage, m[1][1], m[0][1], nil),
			compare(name+", statements of submsg", PerMessage, m[1][2], nil, nil),
		}
		return nil
	})
	return lines, err
}
