package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// settler writes verdicts into their rows. A consumer has one, in a goroutine of its own.
type settler struct {
	*Consumer
	accountTrouble int // sends in a row that met everybody's trouble, as "system busy"
	exchanges      exchanges
}

func newSettler(c *Consumer) *settler {
	return &settler{Consumer: c, exchanges: exchanges{after: queueFront}}
}

// run settles until the channel of verdicts is closed, and then what is left. What comes in while one batch is being
// written is the next batch: a lone message isn't delayed, and a flood is batched. A sender is free again when its
// message is settled, so a crash leaves no more rows in doubt than there are senders.
func (s *settler) run(ctx context.Context) error {
	// Rows that somebody holds locked, or that the database refuses. Most are locked for a moment only, by
	// another replica's claim that saw them as still waiting.
	var unsettled []settlement
	var retry <-chan time.Time
	wait := leastUnsettled
	for {
		select {
		case j, ok := <-s.verdicts:
			if !ok {
				return s.settleRest(ctx, unsettled)
			}
			batch := s.collect([]judged{j})
			left, got := s.settleBatch(ctx, batch)
			if len(left) > 0 {
				unsettled, wait, retry = append(unsettled, left...), leastUnsettled, time.After(leastUnsettled)
			}
			s.startSends(got)
			for range len(batch) - len(got) {
				s.freeSenders <- struct{}{}
			}
			if somethingWaits(batch) {
				s.wakeUp()
			}
		case <-retry:
			retry = nil
			if unsettled = s.store(ctx, unsettled); len(unsettled) > 0 {
				wait = min(wait*2, mostUnsettled)
				retry = time.After(wait)
			}
		}
	}
}

// somethingWaits tells whether a message of the batch waits again, or others may go after a probe: the claimer has to
// look then.
func somethingWaits(batch []judged) bool {
	return slices.ContainsFunc(batch, func(j judged) bool {
		return j.Outcome == Later || j.Outcome == Halt || j.probe != ""
	})
}

// settleRest keeps trying what couldn't be settled, until ctx ends.
func (s *settler) settleRest(ctx context.Context, unsettled []settlement) error {
	for len(unsettled) > 0 {
		if unsettled = s.store(ctx, unsettled); len(unsettled) == 0 {
			break
		}
		if !sleep(ctx, unsettledStopping) {
			return fmt.Errorf("%d outcomes could not be stored: their messages will become unknown", len(unsettled))
		}
	}
	return nil
}

// settleBatch pauses what must be paused before it lets the rows go, and writes what probes have shown after. It
// returns what is to be tried again, and, while there is a backlog, what was claimed in the stead of what was
// settled.
func (s *settler) settleBatch(ctx context.Context, batch []judged) (left []settlement, got []claimed) {
	type probe struct{ sql, pause string }
	rows := make([]settlement, len(batch))
	var requests []pauseRequest
	var probed []probe
	for i, j := range batch {
		own, templates, shown := s.judge(j.claimed, j.Verdict)
		rows[i] = j.settlement(own, s.cfg.MaxAttempts)
		if len(templates) > 0 {
			requests = addPauseRequest(requests, i, templates, own)
		}
		if shown != "" && j.probe != "" {
			probed = append(probed, probe{shown, j.probe})
		}
	}
	s.writePauses(ctx, requests, rows)
	failpoint.Hit("unsettled")
	if s.hasBacklog.Load() {
		var ok bool
		if left, got, ok = s.exchange(ctx, rows); !ok || len(requests)+len(probed) > 0 {
			s.endBacklog()
		}
		s.noteSettled(rows, left)
		rows = left
	}
	left = s.store(ctx, rows)
	failpoint.Hit("settled")
	for _, p := range probed {
		// Where this fails the pause stays, and its next probe tests it.
		_ = s.retry(ctx, "a probe's pause", func(ctx context.Context) error { return s.noteProbe(ctx, p.sql, p.pause) })
	}
	return left, got
}

// noteSettled notes in the claims which of rows are settled: all but those that are left.
func (s *settler) noteSettled(rows, left []settlement) {
	for _, r := range without(rows, ids(left)) {
		s.claims.settled(r.claim)
	}
}

// store writes settlements, waiting for the database as long as it is away. It returns those whose rows are locked by
// a person, or refused by the database: they must not hold up the others.
func (s *settler) store(ctx context.Context, batch []settlement) (unsettled []settlement) {
	if len(batch) == 0 {
		return nil
	}
	defer func() { s.noteSettled(batch, unsettled) }()
	var refused []settlement
	var reason error
	_ = writeSplitting(batch, func(part []settlement) error {
		var left []settlement
		err := s.retry(ctx, "settle", func(ctx context.Context) (err error) {
			left, err = s.write(ctx, part)
			return err
		})
		if !isRefusal(err) {
			unsettled = append(unsettled, left...)
		}
		return err
	}, func(r settlement, why error) {
		if !r.refused {
			refused, reason = append(refused, r), why
		}
		r.refused = true
		unsettled = append(unsettled, r)
	}) // what it could not write is in unsettled
	if len(refused) > 0 {
		s.logBatch(refused).Errorf("outcome %q refused by the database, it is tried again "+
			"until the constraint or trigger that refuses it is mended: %v", refused[0].status, reason)
	}
	return unsettled
}

// retry does op until it succeeds, ctx ends, or the database refuses it for what it is or because of
// somebody's lock; it returns the error then.
func (s *settler) retry(ctx context.Context, what string, op func(context.Context) error) error {
	loggedState := ""
	for failures := 0; ; failures++ {
		opCtx, cancel := context.WithTimeout(ctx, statementTimeout)
		err := op(opCtx)
		cancel()
		if err == nil && failures > 0 {
			s.cfg.Log.Infof("%s: the database is back", what)
		}
		if err == nil || ctx.Err() != nil || isRefusal(err) || sqlState(err) == lockNotAvailable {
			return err
		}
		if code := sqlState(err); failures == 0 || code != loggedState {
			s.cfg.Log.Errorf("%s: database trouble, trying until it works: %v", what, err)
			loggedState = code
		}
		if !sleep(ctx, databaseRest(leastSettleRest, failures+1)) {
			return err
		}
	}
}
