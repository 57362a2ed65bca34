package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox/internal/store"
)

// settler writes what has become of messages: their outcomes, and the pauses that those ask for.
type settler struct {
	*delivery
	store   *store.Store
	skipped *skiplist

	extended time.Duration // when the claims were last extended whose outcomes can't be stored
}

// stored takes in what a turn has written. What it left out is locked, or isn't the claim's any more.
func (s *settler) stored(r store.Request, a store.Answer) {
	left := store.Without(r.Settle, a.Settled)
	if len(left) == 0 {
		s.hold.stored(r.Settle)
	} else {
		s.hold.stored(without(r.Settle, left))
		s.hold.unsettled.keep(left, "", bootTime()-leastUnsettled) // at once, in storeLater
	}
	s.hold.storedBack(r.Back, a.Back)
}

// storeLater tries again to store what could not be stored before.
func (s *settler) storeLater(ctx context.Context) error {
	now := bootTime()
	if s.stopped {
		now += mostRefusedRest // what stops waits for nothing
	}
	if due, _ := s.hold.unsettled.due(now); len(due) > 0 {
		if err := s.storeParts(ctx, due); err != nil {
			return err
		}
	}
	return s.extend(ctx)
}

// extend keeps other replicas from calling messages unknown, and sending them again, whose outcome is known here and
// can't be stored.
func (s *settler) extend(ctx context.Context) error {
	now := bootTime()
	if len(s.hold.unsettled) == 0 || now-s.extended < s.cfg.Lease/3 {
		return nil
	}
	s.extended = now
	claims := s.hold.unsettled.claims()
	err := s.during(ctx, func(ctx context.Context) error { return s.store.Extend(ctx, claims, s.cfg.Lease) })
	if err != nil {
		return fmt.Errorf("extend claims: %w", err)
	}
	return nil
}

// unstorable says what is wrong where so many outcomes can't be stored that nothing more may be sent; "" if they are
// few.
func (s *settler) unstorable() string {
	n := s.hold.unsettled.refused()
	if n < s.cfg.Senders {
		return ""
	}
	return fmt.Sprintf("the database refuses to store the outcomes of %d messages that were sent, "+
		"so nothing more is sent: mend the constraint or trigger on subMsgList that refuses them; the log names it", n)
}

// storeParts stores outcomes whatever has happened to their rows. What is locked or refused is kept for later.
func (s *settler) storeParts(ctx context.Context, outcomes []store.Settlement) error {
	var refused []store.Settlement
	var reason error
	pending := outcomes
	err := store.WriteSplitting(outcomes, func(part []store.Settlement) error {
		var got store.Settled
		err := s.during(ctx, func(ctx context.Context) (err error) { got, err = s.store.Settle(ctx, part); return err })
		if err != nil {
			return err
		}
		if len(got.Foreign) > 0 {
			s.logBatch(got.Foreign).Warnf("outcome %q not written: the row was changed or deleted meanwhile",
				got.Foreign[0].Status)
		}
		s.hold.stored(without(part, got.Left))
		s.hold.unsettled.keep(got.Left, "", bootTime())
		pending = without(pending, part)
		return nil
	}, func(o store.Settlement, why error) {
		if s.hold.unsettled[o.ID].refused == "" {
			refused, reason = append(refused, o), why
		}
		s.hold.unsettled.keep([]store.Settlement{o}, why.Error(), bootTime())
		pending = without(pending, []store.Settlement{o})
	})
	if len(refused) > 0 {
		s.logBatch(refused).Errorf("outcome %q refused by the database, it is tried again "+
			"until the constraint or trigger that refuses it is mended: %v", refused[0].Status, reason)
	}
	if err != nil {
		s.hold.unsettled.keep(pending, "", bootTime())
		return fmt.Errorf("settle: %w", err)
	}
	return nil
}

// logBatch is the log for what is about several messages: it names the first of them, and how many they are.
func (s *settler) logBatch(list []store.Settlement) *logrus.Entry {
	return s.cfg.Log.WithFields(logrus.Fields{"id": list[0].ID, "messages": len(list)})
}

// without returns the settlements of list that aren't in others.
func without(list, others []store.Settlement) []store.Settlement {
	ids := make([]int64, len(others))
	for i, o := range others {
		ids[i] = o.ID
	}
	if len(ids) == 0 {
		return list
	}
	return store.Without(list, ids)
}

// writePauses writes the pauses that a turn's outcomes ask for, before those let their messages go. Where a person
// holds a pause locked, or the database refuses it, each of the messages that asked for it is given a delay of its own
// instead.
func (s *settler) writePauses(ctx context.Context, requests []pauseRequest, outcomes []store.Settlement) error {
	for _, r := range requests {
		var news bool
		p := store.Pause{Templates: r.templates, Reason: r.why.Text, Code: r.why.Code, Kind: r.why.Kind}
		p.Probe, p.Most = probing(r.why, s.cfg.ProbeEvery)
		err := s.during(ctx, func(ctx context.Context) (err error) {
			news, err = s.store.Pause(ctx, p)
			return err
		})
		log := s.cfg.Log.WithField("templates", r.templates)
		switch {
		case err == nil && news:
			log.Warnf("paused, one message tries in %s whether it is over, then another one later and later: %s",
				p.Probe.Round(time.Second), r.why.Text)
		case err == nil:
		case store.SQLState(err) == store.LockNotAvailable:
			log.Warn("a transaction holds their row of subMsgPause locked: until it ends, each message waits by itself")
			putOff(outcomes, r.ids, s.cfg.ProbeEvery)
		case store.IsRefusal(err):
			if s.skipped.news("pause " + store.SQLState(err)) {
				log.Errorf("the database refuses their pause: until the constraint or trigger that does so is mended, "+
					"each message waits by itself: %v", err)
			}
			putOff(outcomes, r.ids, s.cfg.ProbeEvery)
		default:
			return err
		}
	}
	return nil
}

// askElsewhere finds out to whom other replicas send, where the channel has refused somebody's messages for that.
func (s *settler) askElsewhere(ctx context.Context, outcomes []store.Settlement, claim bool) error {
	began := bootTime()
	asked := s.hold.elsewhere.ask(claim, began)
	if len(asked) == 0 {
		return nil
	}
	var busy []string
	err := s.during(ctx, func(ctx context.Context) (err error) {
		busy, err = s.store.SentElsewhere(ctx, asked, s.hold.claims.own())
		return err
	})
	if err == nil {
		letWait(outcomes, s.hold.elsewhere.told(asked, busy, began, bootTime()))
	}
	return err
}

// putOff delays the outcomes of messages.
func putOff(outcomes []store.Settlement, ids []int64, delay time.Duration) {
	for i := range outcomes {
		if slices.Contains(ids, outcomes[i].ID) {
			outcomes[i].Delay = max(outcomes[i].Delay, delay)
		}
	}
}

// noteProbes writes into pauses what their probes have shown. Where this fails the pause stays, and its next probe
// tests it.
func (s *settler) noteProbes(ctx context.Context, probed []ruling) {
	for _, r := range probed {
		var lifted bool
		err := s.during(ctx, func(ctx context.Context) (err error) {
			if r.repeat != "" {
				return s.store.ProbeAgain(ctx, r.repeat)
			}
			lifted, err = s.store.Lift(ctx, r.lift, r.accepted, kindEverythingRefused)
			return err
		})
		if err == nil && lifted {
			s.cfg.Log.WithField("template", r.lift[0]).Info("the pause is over")
		}
	}
}
