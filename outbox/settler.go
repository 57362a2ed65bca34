package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/failpoint"
)

// settleAll writes verdicts into their rows until the verdicts are closed, then what is left. What comes in
// while one batch is being written is the next batch: a lone message isn't delayed, and a flood is batched. A sender is
// free again when its message is settled, so a crash leaves no more rows in doubt than there are senders.
func (c *Consumer) settleAll(ctx context.Context) error {
	// Rows that somebody holds locked, or that the database refuses. Most are locked for a moment only, by
	// another replica's claim that saw them as still waiting.
	var later []settlement
	var retry <-chan time.Time
	wait := firstRetry
	for {
		select {
		case j, ok := <-c.verdicts:
			if !ok {
				return c.settleLast(ctx, later)
			}
			batch := []judged{j}
			for n := len(c.verdicts); n > 0; n-- {
				batch = append(batch, <-c.verdicts)
			}
			if left := c.settleBatch(ctx, batch); len(left) > 0 {
				later, wait, retry = append(later, left...), firstRetry, time.After(firstRetry)
			}
			for range batch {
				c.free <- struct{}{}
			}
			c.wakeIfHeld(batch)
		case <-retry:
			retry = nil
			if later = c.store(ctx, later); len(later) > 0 {
				wait = min(wait*2, time.Second)
				retry = time.After(wait)
			}
		}
	}
}

const firstRetry = 10 * time.Millisecond

// wakeIfHeld lets the pump look again when a row may have waited for one of these to end, or waits again itself.
func (c *Consumer) wakeIfHeld(batch []judged) {
	again := c.held.Load()
	for _, j := range batch {
		again = again || j.Outcome == Later || j.Outcome == Halt || j.probe != ""
	}
	if again {
		c.wakeUp()
	}
}

// settleLast keeps trying what couldn't be settled, until ctx ends.
func (c *Consumer) settleLast(ctx context.Context, later []settlement) error {
	for len(later) > 0 {
		if later = c.store(ctx, later); len(later) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d outcomes could not be stored: their messages will become unknown", len(later))
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// settleBatch pauses what must be paused before it lets the rows go, and lifts pauses after. It returns
// what is to be tried again.
func (c *Consumer) settleBatch(ctx context.Context, batch []judged) []settlement {
	rows := make([]settlement, len(batch))
	type stop struct {
		templates []string
		why       Verdict
	}
	var stops []stop
	var lifts []string
	for i, j := range batch {
		own, templates, lift := c.judge(j.claimed, j.Verdict)
		rows[i] = settle(j.claimed, own, c.cfg.MaxAttempts)
		if len(templates) > 0 {
			stops = append(stops, stop{templates, own})
		}
		if lift != "" {
			lifts = append(lifts, lift)
		}
	}
	for _, s := range stops {
		c.retry(ctx, "pause", func(ctx context.Context) error { return c.pause(ctx, s.templates, s.why) })
	}
	failpoint.Hit("unsettled")
	rows = c.store(ctx, rows)
	failpoint.Hit("settled")
	for _, template := range lifts {
		c.retry(ctx, "lift a pause", func(ctx context.Context) error { return c.lift(ctx, template) })
	}
	return rows
}

// store writes settlements, waiting for the database as long as it is away. It returns those whose rows are locked by
// a person, or refused by the database row by row: they must not hold up the others.
func (c *Consumer) store(ctx context.Context, batch []settlement) (later []settlement) {
	if len(batch) == 0 {
		return nil
	}
	var refused *pgconn.PgError
	failed := c.retry(ctx, "settle", func(ctx context.Context) (err error) {
		later, err = c.write(ctx, batch)
		return err
	})
	if !errors.As(failed, &refused) {
		return later
	}
	if len(batch) == 1 {
		c.cfg.Log.WithField("id", batch[0].id).Errorf("outcome %q refused by the database, will be tried again: %v", batch[0].status, refused)
		return batch
	}
	later = nil
	for _, s := range batch {
		later = append(later, c.store(ctx, []settlement{s})...)
	}
	return later
}

// retry does op until it succeeds, ctx ends, or the database refuses it for what it is; it returns
// the error then.
func (c *Consumer) retry(ctx context.Context, what string, op func(context.Context) error) error {
	for n := 0; ; n++ {
		opCtx, cancel := context.WithTimeout(ctx, statementTimeout)
		err := op(opCtx)
		cancel()
		if err == nil || ctx.Err() != nil || refusal(err) {
			return err
		}
		if n == 0 {
			c.cfg.Log.Errorf("%s: database trouble, trying until it works: %v", what, err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(20*time.Millisecond<<min(n, 6), time.Second)):
		}
	}
}

// refusal tells an error about the data from one about the database's state, by SQLSTATE class:
// 22 data exception, 23 integrity constraint, 42 syntax or access rule, P0 raised by a trigger
// (PostgreSQL, Appendix A).
func refusal(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) < 2 {
		return false
	}
	switch pg.Code[:2] {
	case "22", "23", "42", "P0":
		return true
	}
	return false
}
