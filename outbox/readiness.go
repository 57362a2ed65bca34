package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
)

// readiness is whether an account can send. The Sender may need a while to say so (a token has to be fetched), so it is
// asked in a goroutine of its own: outcomes are settled meanwhile, and other accounts send.
type readiness struct {
	log *logrus.Entry

	ok      bool   // as far as is known
	asking  bool   // a question is open
	refused string // why it isn't ready, as it was logged; "" while it is
	text    string // the same, as the Sender said it last
}

// readyAnswer is the Sender's answer for an account.
type readyAnswer struct {
	account *account
	Verdict
}

// ask asks the Sender whether an account is ready, unless a question is still open.
func (r *readiness) ask(
	ctx context.Context, sender Sender, a *account, limit time.Duration, answers chan<- readyAnswer,
) {
	if r.asking {
		return
	}
	r.asking = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		answers <- readyAnswer{a, sender.Ready(ctx, a.Name)}
	}()
}

// answered takes in an answer, and logs it where it has changed.
func (r *readiness) answered(ctx context.Context, v Verdict) {
	r.asking = false
	if r.ok = v.Outcome == Accepted; r.ok {
		if r.refused != "" {
			r.log.Info("sending again")
		}
		r.refused, r.text = "", ""
		return
	}
	why := v.Text
	r.text = v.Text
	if v.Code != nil { // its text may hold a number of the request, which is another one each time
		why = fmt.Sprint("errcode ", *v.Code)
	}
	if why != r.refused && !errors.Is(context.Cause(ctx), context.Canceled) {
		r.log.Errorf("nothing can be sent, messages wait: %s", v.Text)
		r.refused = why
	}
}

// askAccounts asks the Sender which accounts are ready. It waits for a moment for the answers of those that have no
// question open: one that takes its time holds up no other.
func (d *dispatcher) askAccounts(ctx context.Context) {
	asked := make(map[*account]bool)
	for _, a := range d.accounts.list {
		if a.Name != "" && !a.ready.asking {
			a.ready.ask(ctx, d.cfg.Sender, a, d.cfg.SendTimeout, d.answers)
			asked[a] = true
		}
	}
	timer := time.NewTimer(readyWait)
	defer timer.Stop()
	for len(asked) > 0 && !d.stopped {
		select {
		case v := <-d.answers:
			d.readyAnswered(ctx, v)
			delete(asked, v.account)
		case j := <-d.senders.verdicts:
			d.takeBack(j)
		case <-d.stop:
			d.beginNothing()
		case <-timer.C:
			for a := range asked {
				a.ready.ok = false // that isn't known any more
			}
			return
		}
	}
}

// readyAnswered takes in an answer. An account that isn't ready sends nothing of what was claimed for it.
func (d *dispatcher) readyAnswered(ctx context.Context, v readyAnswer) {
	v.account.ready.answered(ctx, v.Verdict)
	if !v.account.ready.ok {
		v.account.backlog = false
		v.account.queue.withdraw(func(message) bool { return true })
	}
}

// anyReady tells whether an account is ready whose messages could be claimed.
func (l *accounts) anyReady() bool {
	for _, a := range l.list {
		if a.sends() {
			return true
		}
	}
	return false
}
