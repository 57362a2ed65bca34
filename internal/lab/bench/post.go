package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/outbox"
)

// post sends n messages from as many goroutines as there are senders, as fast as they can: the limit of every drain.
func post(ctx context.Context, to outbox.Sender, senders, n int) (time.Duration, error) {
	began := time.Now()
	_, err := postWhile(ctx, to, senders, func(i int) bool { return i <= n })
	return time.Since(began), err
}

// postWhile sends messages number 1, 2, … while more says so, and returns how many.
func postWhile(ctx context.Context, to outbox.Sender, senders int, more func(i int) bool) (int, error) {
	var next, sent atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range senders {
		group.Go(func() error {
			for {
				i := int(next.Add(1))
				if ctx.Err() != nil || !more(i) {
					return ctx.Err()
				}
				if v := to.Send(ctx, message(i)); v.Outcome != outbox.Accepted {
					return fmt.Errorf("a message was not accepted: %s, %s", v.Outcome, v.Text)
				}
				sent.Add(1)
			}
		})
	}
	err := group.Wait()
	return int(sent.Load()), err
}
