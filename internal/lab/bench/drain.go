package bench

import (
	"context"
	"fmt"
	"time"
)

// drain sends messages that wait. The limit posts the same payloads with the same client, from as many goroutines, to
// the same fake, without a database. What a message costs in processor time is told beside it: of the fake's process
// nothing is in that.
func (l suite) drain(ctx context.Context) ([]Line, error) {
	var lines []Line
	for _, kind := range []struct {
		name    string
		latency time.Duration
		senders int
		goal    float64
		server  *Goal // of the server's time a message
	}{
		{"immediate fake", 0, l.cfg.Senders, 0.85, valueAtMost(16e-6)},
		{"30 ms fake", 30 * time.Millisecond, 512, 0.90, nil},
	} {
		name := fmt.Sprintf("drain, %s, senders: %d", kind.name, kind.senders)
		err := l.withFake(ctx, kind.latency, func(f *fake, d workload) error {
			client, err := f.client(ctx, kind.senders)
			if err != nil {
				return err
			}
			defer client.Close()
			n := l.cfg.Scale.Drain
			m, err := l.turns(ctx, name,
				side{"limit", func(ctx context.Context) ([]float64, error) {
					before, err := ownCPU()
					if err != nil {
						return nil, err
					}
					took, err := post(ctx, client, kind.senders, n)
					if err != nil {
						return nil, err
					}
					after, err := ownCPU()
					return append(rate(n, took), spentCPU{own: after - before}.each(n)...), err
				}},
				side{"submsg", func(ctx context.Context) ([]float64, error) {
					took, spent, err := d.refillAndSend(ctx, f, client, kind.senders, n)
					return append(rate(n, took), spent.each(n)...), err
				}})
			if err != nil {
				return err
			}
			lines = append(lines, compare(name, PerSecond, m[1][0], m[0][0], ratioAtLeast(kind.goal)),
				compare(name+", CPU of submsg a message", Seconds, m[1][1], m[0][1], nil))
			if m[1][2].median() > 0 { // it can be seen
				lines = append(lines, compare(name+", CPU of Postgres a message", Seconds, m[1][2], nil, kind.server))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func rate(n int, took time.Duration) []float64 { return []float64{float64(n) / took.Seconds()} }
