package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

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
			batch := c.gather([]judged{j})
			left, got := c.settleBatch(ctx, batch)
			if len(left) > 0 {
				later, wait, retry = append(later, left...), firstRetry, time.After(firstRetry)
			}
			c.start(got)
			for range len(batch) - len(got) {
				c.free <- struct{}{}
			}
			if waitsAgain(batch) {
				c.wakeUp()
			}
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

// waitsAgain tells whether the pump has to look when messages of a batch fall due.
func waitsAgain(batch []judged) bool {
	return slices.ContainsFunc(batch, func(j judged) bool {
		return j.Outcome == Later || j.Outcome == Halt || j.probe != ""
	})
}

// settleLast keeps trying what couldn't be settled, until ctx ends.
func (c *Consumer) settleLast(ctx context.Context, later []settlement) error {
	for len(later) > 0 {
		if later = c.store(ctx, later); len(later) == 0 {
			break
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%d outcomes could not be stored: their messages will become unknown", len(later))
		}
	}
	return nil
}

// settleBatch pauses what must be paused before it lets the rows go, and writes what probes have shown after. It returns
// what is to be tried again, and, while there is a backlog, what was claimed in the stead of what was settled.
func (c *Consumer) settleBatch(ctx context.Context, batch []judged) (left []settlement, got []claimed) {
	rows := make([]settlement, len(batch))
	var stops []stop
	type shown struct{ sql, pause string }
	var probes []shown
	for i, j := range batch {
		own, templates, probed := c.judge(j.claimed, j.Verdict)
		rows[i] = settle(j.claimed, own, c.cfg.MaxAttempts)
		if len(templates) > 0 {
			stops = addStop(stops, i, templates, own)
		}
		if probed != "" && j.probe != "" {
			probes = append(probes, shown{probed, j.probe})
		}
	}
	c.pauseFor(ctx, stops, rows)
	failpoint.Hit("unsettled")
	if c.hungry.Load() {
		var ok bool
		if left, got, ok = c.exchange(ctx, rows); !ok || len(stops)+len(probes) > 0 {
			c.sated()
		}
		c.endClaims(rows, left)
		rows = left
	}
	left = c.store(ctx, rows)
	failpoint.Hit("settled")
	for _, p := range probes {
		c.retry(ctx, "a probe's pause", func(ctx context.Context) error { return c.probed(ctx, p.sql, p.pause) })
	}
	return left, got
}

// endClaims notes what is settled of rows.
func (c *Consumer) endClaims(rows, left []settlement) {
	for _, s := range without(rows, ids(left)) {
		c.claims.end(s.claim)
	}
}

// store writes settlements, waiting for the database as long as it is away. It returns those whose rows are locked by
// a person, or refused by the database: they must not hold up the others.
func (c *Consumer) store(ctx context.Context, batch []settlement) (later []settlement) {
	if len(batch) == 0 {
		return nil
	}
	defer func() { c.endClaims(batch, later) }()
	var refused []settlement
	var reason error
	_ = apart(batch, func(part []settlement) error {
		var left []settlement
		err := c.retry(ctx, "settle", func(ctx context.Context) (err error) {
			left, err = c.write(ctx, part)
			return err
		})
		if !refusal(err) {
			later = append(later, left...)
		}
		return err
	}, func(s settlement, why error) {
		if !s.refused {
			refused, reason = append(refused, s), why
		}
		s.refused = true
		later = append(later, s)
	}) // what it could not write is in later
	if len(refused) > 0 {
		c.ofThese(refused).Errorf("outcome %q refused by the database, it is tried again until the constraint or trigger that refuses it is mended: %v",
			refused[0].status, reason)
	}
	return later
}

// retry does op until it succeeds, ctx ends, or the database refuses it for what it is or because of
// somebody's lock; it returns the error then.
func (c *Consumer) retry(ctx context.Context, what string, op func(context.Context) error) error {
	why := ""
	for n := 0; ; n++ {
		opCtx, cancel := context.WithTimeout(ctx, statementTimeout)
		err := op(opCtx)
		cancel()
		if err == nil && n > 0 {
			c.cfg.Log.Infof("%s: the database is back", what)
		}
		if err == nil || ctx.Err() != nil || refusal(err) || sqlState(err) == lockNotAvailable {
			return err
		}
		if code := sqlState(err); n == 0 || code != why {
			c.cfg.Log.Errorf("%s: database trouble, trying until it works: %v", what, err)
			why = code
		}
		if !sleep(ctx, min(20*time.Millisecond<<min(n, 5), 500*time.Millisecond)) {
			return err
		}
	}
}
