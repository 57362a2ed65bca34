package outbox

import (
	"context"
	"math"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// delivery hands claimed messages to the senders and takes them back, also while the dispatcher waits for the database.
// All of it belongs to the dispatcher's goroutine.
type delivery struct {
	cfg      Config
	senders  *senders
	accounts *accounts

	stop    <-chan struct{} // closed when no message shall begin any more; nil once that is known
	stopped bool

	hold    *holdings
	judge   judge
	turns   turns
	pauses  []pauseRequest // to be written before the outcomes that met them
	probed  []ruling       // what probes have shown, to be written after their outcomes
	news    bool           // something has come back that makes a look worth while
	retryAt time.Duration  // the database is left alone until then, by the boot clock

	catalogues *catalogues
}

// during does something on the database. Meanwhile messages go on to the senders that become free.
func (d *delivery) during(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case j := <-d.senders.verdicts:
			d.takeBack(j)
		case <-d.stop:
			d.beginNothing()
		}
	}
}

// takeBack takes a message back from its sender.
func (d *delivery) takeBack(j judged) {
	for more := true; more; {
		r := d.judge.rule(j.message, j.Verdict)
		queue := j.account.queue
		if r.own.Trouble == PersonBusy && queue.alone {
			d.hold.refusedForPerson(j.message, bootTime())
		}
		if j.Outcome == Refused && j.Misfit {
			d.catalogues.refused(j.message)
		}
		d.hold.returned(j.message, settlement(&j.Row, r.own, d.cfg.MaxAttempts))
		queue.returned(j.message)
		j.account.ahead.returned()
		if len(r.pause) > 0 {
			d.pauses = addPauseRequest(d.pauses, j.ID, r.pause, r.why)
			d.hold.withdraw(func(m message) bool { return m.Probe == "" && stops(r.pause, m) })
		}
		if j.Probe != "" && (len(r.lift) > 0 || r.repeat != "") {
			d.probed = append(d.probed, r)
		}
		if j.Outcome == Later || j.Outcome == Halt || j.Probe != "" {
			d.news = true // it waits again, or others may go after a probe
		}
		if queue.more {
			queue.more, d.news = false, true
		}
		select {
		case j = <-d.senders.verdicts:
		default:
			more = false
		}
	}
	d.handOut()
}

// handOut gives messages to free senders.
func (d *delivery) handOut() {
	now := bootTime()
	for _, a := range d.accounts.list {
		for m, ok := a.queue.begin(now); ok; m, ok = a.queue.begin(now) {
			a.toSend <- m
		}
	}
}

// beginNothing gives back what has not begun.
func (d *delivery) beginNothing() {
	d.stop, d.stopped = nil, true
	d.hold.withdraw(func(message) bool { return true })
}

// begin gives claimed messages to the senders, but for those that must not go any more.
func (d *delivery) begin(list []message) {
	if len(list) == 0 {
		return
	}
	failpoint.Hit("claimed")
	for _, m := range list {
		m.account.queue.claimed(m)
	}
	if d.stopped {
		d.beginNothing()
	}
	for _, p := range d.pauses {
		d.hold.withdraw(func(m message) bool { return m.Probe == "" && stops(p.templates, m) })
	}
	d.handOut()
}

// turned notes a turn that began then and whose transaction took so long.
func (d *delivery) turned(began, took time.Duration) {
	for _, a := range d.accounts.list {
		a.ahead.turned(d.turns, began, took)
	}
	d.turns = turns{began, took}
}

// somethingToWrite tells whether a turn has anything to write.
func (d *delivery) somethingToWrite() bool {
	return len(d.hold.outcomes)+len(d.hold.back) > 0
}

// readyForTurn tells whether it is time to write what has come back. While there is a backlog verdicts are collected
// for a moment, so that the fixed cost of a turn is paid for many messages at once.
func (d *delivery) readyForTurn() bool {
	if bootTime() < d.retryAt {
		return false
	}
	if !d.somethingToWrite() {
		due, _ := d.hold.unsettled.due(bootTime())
		return len(due) > 0
	}
	return !d.accounts.backlog() || d.accounts.starving() || bootTime() >= d.turns.collectUntil()
}

// untilTurn is how long it is at most until a turn has something to do.
func (d *delivery) untilTurn() time.Duration {
	now, until := bootTime(), time.Duration(math.MaxInt64)
	if d.somethingToWrite() {
		until = d.turns.collectUntil() - now
	}
	if due, next := d.hold.unsettled.due(now); len(due) > 0 {
		until = 0
	} else if next > 0 {
		until = min(until, next-now)
	}
	return max(until, d.retryAt-now, 0)
}
