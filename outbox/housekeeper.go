package outbox

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
	"github.com/submsg/submsg/outbox/internal/store"
)

// housekeeper ends what nobody else ends: messages past their expireTime, claims past their lease, rows of no claim. It
// may fall behind without holding up a message.
type housekeeper struct {
	cfg     Config
	store   store.Housekeeping
	tidy    chan []int64     // says that something has to be ended, and which messages it must leave to the dispatcher
	origin  chan struct{}    // says that the dispatcher has found out where it is
	wakes   chan<- time.Time // the dispatcher's: there is something new for it
	skipped skiplist
}

// run sweeps and expires when it is told to, until ctx is done.
func (k *housekeeper) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case known := <-k.tidy:
			k.tidyUp(ctx, known)
		}
	}
}

// tidyUp ends what there is to end. While some of it is left, because somebody has it locked, it tries again after a
// while.
func (k *housekeeper) tidyUp(ctx context.Context, known []int64) {
	for {
		left, err := k.once(ctx, known)
		select {
		case k.wakes <- time.Time{}: // what was swept may have to be sent again
		default:
		}
		if err != nil {
			if ctx.Err() == nil && k.skipped.news("tidy "+store.SQLState(err)) {
				k.cfg.Log.Warnf("messages past their time or their lease can't be ended, it is tried again: %v", err)
			}
			return // the dispatcher's next look asks again
		}
		if !left || !sleep(ctx, lookAgain) {
			return
		}
	}
}

// once does one step. left: there may be more to do.
func (k *housekeeper) once(ctx context.Context, known []int64) (left bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	more, err := k.sweep(ctx, known)
	if err != nil {
		return false, err
	}
	again, err := k.expire(ctx)
	return more || again, err
}

// sweep settles "sending" rows whose lease is over, in the name of whoever claimed them: as unknown, because they may
// have been sent. It leaves alone those whose outcome this process knows.
func (k *housekeeper) sweep(ctx context.Context, known []int64) (left bool, err error) {
	found, err := k.store.Overdue(ctx, slices.Concat(known, k.skipped.ids()))
	if err != nil {
		return false, err
	}
	var crashed []store.Settlement
	for i, o := range found {
		m := store.Row{ID: o.ID, TemplateID: o.TemplateID, Attempts: o.Attempts, ClaimID: o.ClaimID}
		s := settlement(&m, k.crashVerdict(&m), k.cfg.MaxAttempts)
		s.Delay += time.Duration(i) * resendGap
		crashed = append(crashed, s)
	}
	if len(crashed) > 0 {
		if left, err = k.settleCrashed(ctx, crashed); err != nil {
			return false, err
		}
	}
	return left, k.store.DeleteOverdueClaims(ctx)
}

func (k *housekeeper) settleCrashed(ctx context.Context, crashed []store.Settlement) (left bool, err error) {
	k.cfg.Log.WithField("messages", len(crashed)).Warn("not settled within their lease, " +
		"whether they were sent is unknown: ask the users, then set sendStatus to wait to send again, or to success " +
		"if it came")
	failpoint.Hit("sweeping")
	err = store.WriteSplitting(crashed, func(part []store.Settlement) error {
		s, err := k.store.Settle(ctx, part)
		left = left || len(s.Left) > 0
		return err
	}, func(s store.Settlement, why error) { k.skipped.skip(s.ID, why) })
	return left, err
}

// crashVerdict is the verdict on a message whose sender was never heard of again.
func (k *housekeeper) crashVerdict(m *store.Row) Verdict {
	switch {
	case k.cfg.Resend == nil || !k.cfg.Resend(m.TemplateID):
		return Verdict{Outcome: Unknown, Kind: kindCrashed, Text: textCrashed}
	case m.Attempts >= mostCrashes:
		return Verdict{Outcome: Unknown, Kind: kindCrashedRepeatedly, Text: textCrashedRepeatedly}
	}
	return Verdict{Outcome: Later, Doubt: true, Kind: kindCrashed,
		Text: "发送中断，按模板 onUnknown 自动重发 (the sender stopped in mid-send)"}
}

// expire ends waiting messages whose expireTime has passed.
func (k *housekeeper) expire(ctx context.Context) (left bool, err error) {
	past, err := k.store.PastExpireTime(ctx, k.skipped.ids())
	if err != nil || len(past) == 0 {
		return false, err
	}
	expired := int64(0)
	err = store.WriteSplitting(past, func(ids []int64) error {
		n, err := k.store.Expire(ctx, ids, kindExpired, textExpired)
		expired += n
		return err
	}, k.skipped.skip)
	if expired > 0 {
		k.cfg.Log.WithField("messages", expired).Warn("expired before they could be sent: " +
			"set sendStatus to wait, with a later expireTime, to send them all the same")
	}
	return true, err
}

// noteOrphans looks for orphaned rows when the dispatcher has found out where it is: at the start, and after each
// trouble with the database, as a failover may have lost commits. It does so every day besides, until ctx is done.
func (k *housekeeper) noteOrphans(ctx context.Context) {
	timer := time.NewTimer(orphansEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.origin:
		case <-timer.C:
		}
		rest := orphansEvery
		found, err := k.passOrphans(ctx)
		if found > 0 {
			rest = orphansAgain // some of a claim's may lie in another step
			k.cfg.Log.WithField("claims", found).Warn(`found messages that are "sending" in nobody's name: ` +
				`they will be unknown when their lease is over`)
			select {
			case k.wakes <- time.Time{}: // the dispatcher has looked before
			default:
			}
		}
		if err != nil && ctx.Err() == nil {
			k.cfg.Log.Warnf("could not look for messages that nobody is sending, the next try is in %s: %v",
				orphansAgain, err)
			rest = orphansAgain
		}
		timer.Reset(rest)
	}
}

// passOrphans is one pass over the table, step by step. Most of its time is rest.
func (k *housekeeper) passOrphans(ctx context.Context) (all int, err error) {
	for after := int64(math.MinInt64); ; {
		began := time.Now()
		stepCtx, cancel := context.WithTimeout(ctx, statementTimeout)
		upTo, found, err := k.store.NoteOrphans(stepCtx, after, orphansStep)
		cancel()
		all += found
		if err != nil || upTo == nil || !sleep(ctx, retentionShare*time.Since(began)) {
			return all, err
		}
		after = *upTo
	}
}

// sleep tells whether the time has passed before ctx was done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
