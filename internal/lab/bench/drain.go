package bench

import (
	"context"
	"fmt"
	"time"
)

// drain sends messages that wait. The limit posts the same payloads with the same client, from as many goroutines, to
// the same fake, without a database.
func (l suite) drain(ctx context.Context) ([]Line, error) {
	var lines []Line
	for _, kind := range []struct {
		name    string
		latency time.Duration
		senders int
		goal    float64
	}{
		{"immediate fake", 0, l.cfg.Senders, 0.85},
		{"30 ms fake", 30 * time.Millisecond, 512, 0.90},
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
					took, err := post(ctx, client, kind.senders, n)
					return rate(n, took), err
				}},
				side{"submsg", func(ctx context.Context) ([]float64, error) {
					took, err := d.refillAndSend(ctx, f, client, kind.senders, n)
					return rate(n, took), err
				}})
			if err == nil {
				lines = append(lines, compare(name, PerSecond, m[1][0], m[0][0], ratioAtLeast(kind.goal)))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func rate(n int, took time.Duration) []float64 { return []float64{float64(n) / took.Seconds()} }
