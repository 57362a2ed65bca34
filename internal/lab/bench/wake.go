package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/outbox"
)

// pause is how long everybody rests between two messages.
const pause = 10 * time.Millisecond

// wake is the time from a commit's answer at the application to the request at the fake, one message at a time, the
// consumer asleep. The limit is a NOTIFY → LISTEN, and one POST by the same client on an open connection.
func (l suite) wake(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.withFake(ctx, 0, func(f *fake, d workload) error {
		client, err := f.client(ctx, 1)
		if err != nil {
			return err
		}
		defer client.Close()
		seen, err := f.accepted(ctx)
		if err != nil {
			return err
		}
		d.last = seen // other people than those of the first sends
		late := func(once func(context.Context) (map[int]time.Time, error)) func(context.Context) ([]float64, error) {
			return func(ctx context.Context) ([]float64, error) {
				commits, err := once(ctx)
				if err != nil {
					return nil, err
				}
				seen += len(commits)
				delays, err := f.delays(ctx, commits, seen)
				return []float64{delays.quantile(0.50), delays.quantile(0.99), delays.quantile(1)}, err
			}
		}
		m, err := l.turns(ctx, "wake",
			side{"limit", late(func(ctx context.Context) (map[int]time.Time, error) {
				return d.notifyAndPost(ctx, client)
			})},
			side{"submsg", late(func(ctx context.Context) (map[int]time.Time, error) {
				return d.insertAndSleep(ctx, f)
			})})
		if err != nil {
			return err
		}
		limit, product := m[0], m[1]
		lines = []Line{
			compare("wake, commit → request, p50", Seconds, product[0], limit[0], ratioAtMost(2)),
			compare("wake, commit → request, p99", Seconds, product[1], limit[1], ratioAtMost(4)),
			// The maximum is that of all rounds: a wake that was missed must be seen.
			compare("wake, commit → request, max", Seconds, series{slices.Max(product[2])},
				series{slices.Max(limit[2])}, nil),
		}
		return nil
	})
	return lines, err
}

// delays are the times from each commit to its message's arrival, in seconds. Both clocks are this machine's.
func (f *fake) delays(ctx context.Context, commits map[int]time.Time, accepted int) (series, error) {
	arrived, err := f.arrivals(ctx)
	if err != nil {
		return nil, err
	}
	if n := len(arrived); n != accepted {
		return nil, fmt.Errorf("the fake WeChat accepted %d messages, %d were to be sent", n, accepted)
	}
	var late series
	for n, commit := range commits {
		at, ok := arrived[openid(n)]
		if !ok {
			return nil, fmt.Errorf("message %d never came to the fake WeChat", n)
		}
		late = append(late, at.Sub(commit).Seconds())
	}
	return late, nil
}

// insertAndSleep inserts messages, each when the one before is settled and the consumer sleeps again.
func (d workload) insertAndSleep(ctx context.Context, f *fake) (commits map[int]time.Time, err error) {
	commits = map[int]time.Time{}
	return commits, d.serve(ctx, f, false, func(*child) error {
		for range d.cfg.Scale.Wakes {
			time.Sleep(pause)
			d.last++
			if err := d.exec(ctx, insertSQL, openid(d.last), template, params); err != nil {
				return err
			}
			commits[d.last] = time.Now()
			time.Sleep(pause) // asking would be in the way
			if err := d.drained(ctx); err != nil {
				return err
			}
			if err := d.asleep(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// notifyAndPost does the least that a wake can be.
func (d workload) notifyAndPost(ctx context.Context, client *account.Router) (map[int]time.Time, error) {
	listener, err := pgx.Connect(ctx, d.url)
	if err != nil {
		return nil, err
	}
	defer listener.Close(context.WithoutCancel(ctx))
	if _, err := listener.Exec(ctx, "LISTEN bench"); err != nil {
		return nil, err
	}
	var listening sync.WaitGroup
	defer listening.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	numbers, posted := make(chan int, 1), make(chan error, 1)
	listening.Go(func() {
		for ctx.Err() == nil {
			_, err := listener.WaitForNotification(ctx)
			if err == nil {
				if v := client.Send(ctx, message(<-numbers)); v.Outcome != outbox.Accepted {
					err = errors.New(v.Text)
				}
			}
			posted <- err
		}
	})
	commits := map[int]time.Time{}
	for range d.cfg.Scale.Wakes {
		time.Sleep(2 * pause) // as long as the product has
		d.last++
		numbers <- d.last
		if err := d.exec(ctx, "NOTIFY bench"); err != nil {
			return nil, err
		}
		commits[d.last] = time.Now()
		if err := <-posted; err != nil {
			return nil, err
		}
	}
	return commits, nil
}
