package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
	"github.com/submsg/submsg/outbox/internal/store"
	"github.com/submsg/submsg/outbox/internal/wake"
)

// dispatcher claims messages, hands them to the senders, and settles them. A consumer has one, in a goroutine of its
// own, which owns all that stands here: others reach it by channels only.
//
// It works in rounds (round.go), in each of which it claims and settles in turns (turn.go). While it waits, be it for
// the database, it goes on to hand messages to the senders that become free.
type dispatcher struct {
	*delivery
	claimer claimer
	settler settler
	store   *store.Store
	skipped *skiplist
	wakes   chan time.Time
	tidy    chan<- []int64 // asks the housekeeper to sweep and expire, but for these messages
	health  *health

	originKnown chan<- struct{} // tells the housekeeper that the database is known to be no copy

	listening func() bool // wakes are proved to arrive
	broken    func() bool // the connection that hears them was lost since it was last asked

	over <-chan struct{} // closed when nothing more can be stored

	answers  chan readyAnswer // of accounts
	rhythm   wake.Rhythm
	writers  wake.OpenWriters
	failures failures

	woken       time.Time // when the first wake came that no round has followed yet; zero: there was none
	lookedAt    time.Time // when the table was last looked at
	due         bool      // messages were found then that may go by an account that is ready
	flagCleared time.Time // when the wake flag was last cleared, or found cleared
	asleep      bool      // the triggers notify, and nothing else is to be done before the next poll
	asked       bool      // we set the wake flag, and haven't cleared it since
	origin      bool      // this database is known to be no copy, or is paused
}

func newDispatcher(cfg Config, s *store.Store) *dispatcher {
	skipped := newSkiplist(cfg.Log)
	work := &delivery{
		cfg:     cfg,
		senders: &senders{cfg: cfg, verdicts: make(chan judged, cfg.Senders)},
		hold:    newHoldings(),
		judge:   newJudge(),
	}
	work.accounts = &accounts{cfg: cfg, hold: work.hold, senders: work.senders}
	work.catalogues = newCatalogues(cfg)
	d := &dispatcher{
		delivery:  work,
		claimer:   claimer{delivery: work, store: s, skipped: &skipped, most: MostAccounts * defaultSenders},
		settler:   settler{delivery: work, store: s, skipped: &skipped},
		store:     s,
		skipped:   &skipped,
		wakes:     make(chan time.Time, 1),
		health:    newHealth(),
		listening: func() bool { return false },
		broken:    func() bool { return false },
		answers:   make(chan readyAnswer, MostAccounts),
		failures:  failures{log: cfg.Log},
	}
	return d
}

// run works until ctx is done, and then until what has begun is settled, or settling ends.
func (d *dispatcher) run(ctx, settling context.Context) error {
	d.stop, d.over, d.senders.over = ctx.Done(), settling.Done(), settling.Done()
	defer d.accounts.close()
	for !d.stopped {
		rest, err := d.round(ctx)
		if d.stopped {
			break
		}
		d.waitForWake(ctx, max(rest, d.tell(err)))
	}
	failpoint.Hit("draining")
	_ = d.releaseLost(ctx) // what can't be released becomes unknown
	handOver(ctx, d.cfg, d.store)
	return d.finish(ctx)
}

// tell notes how a round ended, for others too, and tells how long to leave the database alone.
func (d *dispatcher) tell(err error) (rest time.Duration) {
	d.health.standing.Store(standingOf(d.accounts.texts(), d.hold, d.skipped))
	if rest = d.failures.rest(err); err != nil {
		resetAfter(err, d.cfg.Pool)
		d.retryAt = bootTime() + rest
		if d.failures.said {
			d.health.claims(err.Error())
		}
		if !isLock(err) {
			d.origin = false // what comes back may be another database
		}
		return rest
	}
	why := d.settler.unstorable()
	if why != "" && d.skipped.news("unstorable") {
		d.cfg.Log.Error(why)
	}
	d.health.claims(why)
	return 0
}

// releaseLost gives back what lost claims may have taken.
func (d *dispatcher) releaseLost(ctx context.Context) error {
	began := bootTime()
	lost := d.hold.claims.lostIDs()
	if len(lost) == 0 {
		return nil
	}
	err := store.WriteSplitting(lost, func(claims []string) error {
		return d.during(ctx, func(ctx context.Context) error { return d.store.ReleaseLost(ctx, claims) })
	}, func(claim string, why error) {
		d.hold.claims.giveUp(claim)
		d.cfg.Log.Errorf("the database refuses to let messages wait again that certainly were not sent, "+
			"they will be unknown: %v", why)
	})
	if err != nil {
		d.hold.claims.releaseFailed(began, d.cfg.Lease)
		return fmt.Errorf("release: %w", err)
	}
	d.hold.claims.released(began, d.cfg.Lease)
	return nil
}

// finish settles what has begun. An error: not all of it could be stored.
func (d *dispatcher) finish(ctx context.Context) error {
	for d.hold.inHand() > 0 {
		if _, _, err := d.turn(ctx, false); err != nil {
			_ = d.failures.rest(err)
			resetAfter(err, d.cfg.Pool)
		}
		if d.hold.inHand() == 0 {
			break
		}
		select {
		case j := <-d.senders.verdicts:
			d.takeBack(j)
		case <-d.over:
			return fmt.Errorf("%d outcomes could not be stored: their messages will become unknown", d.hold.inHand())
		case <-after(d.hold.inHand() > len(d.hold.sending), unsettledStopping):
		}
	}
	return nil
}

// after is time.After, or a channel that never says anything.
func after(ok bool, d time.Duration) <-chan time.Time {
	if !ok {
		return nil
	}
	return time.After(d)
}

// handOver leaves the queue to the other replicas. They may be asleep while the flag is cleared, because we were awake.
func handOver(ctx context.Context, cfg Config, s *store.Store) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverTimeout)
	defer cancel()
	if err := s.HandOver(ctx); err != nil {
		cfg.Log.Warnf("could not wake other replicas on leaving, they find messages by polling: %v", err)
	}
}
