package outbox

import (
	"context"
	"runtime/debug"

	"github.com/submsg/submsg/internal/failpoint"
)

// judged is a message with the Sender's verdict on it.
type judged struct {
	message
	Verdict
}

// senders send messages that they are given, and return each with a verdict.
type senders struct {
	cfg      Config
	verdicts chan judged     // the dispatcher takes each at once
	over     <-chan struct{} // closed when it takes none any more
}

// run sends an account's messages until there are no more. It lives as long as the account, because a send needs a deep
// stack, which a goroutine for each would have to grow anew.
func (s *senders) run(ctx context.Context, toSend <-chan message) {
	for m := range toSend {
		select {
		case s.verdicts <- judged{m, s.send(ctx, m)}:
		case <-s.over:
		}
	}
}

// send lets the Sender send m. It doesn't end with ctx: a send that has begun is finished.
func (s *senders) send(ctx context.Context, m message) (v Verdict) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.WithField("id", m.ID).Errorf("the sender panicked: %v\n%s", p, debug.Stack())
			v = Verdict{Outcome: Unknown, Kind: kindInternalError, Text: textInternalError}
		}
	}()
	if m.Broken {
		return Verdict{Outcome: Refused, Kind: kindParametersBroken, Text: textParametersBroken}
	}
	if m.deadline-bootTime() < s.cfg.SendTimeout/2 { // the machine was suspended, or is very busy
		return Verdict{Outcome: Halt, Kind: kindTooLate, Text: textTooLate}
	}
	ctx, cancel := withBootDeadline(context.WithoutCancel(ctx), m.deadline)
	defer cancel()
	failpoint.Reach("sending", m.OpenID)
	return s.cfg.Sender.Send(ctx, m.claimed())
}

// claimed is the message as the Sender sees it.
func (m message) claimed() Claimed {
	return Claimed{ID: m.ID, OpenID: m.OpenID, TemplateID: m.TemplateID, Account: m.account.Name, Params: m.Params,
		Page: m.Page, Attempt: m.Attempts, TraceParent: m.TraceParent, Due: m.Position.DueAt.Time, Woken: m.woken}
}
