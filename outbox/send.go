package outbox

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// startSends hands claimed messages to the senders in the order of the queue, each person's messages one after the
// other.
func (c *Consumer) startSends(got []claimed) {
	if len(got) == 0 {
		return
	}
	failpoint.Hit("claimed")
	slices.SortFunc(got, func(a, b claimed) int {
		if a.position.before(b.position) {
			return -1
		}
		return 1
	})
	tooMany := make(map[string]int)
	for _, m := range got {
		goes, full := c.recipients.enter(m, max(1, c.cfg.Senders/recipientQueueShare))
		switch {
		case goes:
			c.toSend <- m
		case full:
			tooMany[m.OpenID]++
			c.verdicts <- judged{m, queueFull(tooMany[m.OpenID])}
		}
	}
}

// runSender sends messages, and those that wait behind them for the same person. It lives as long as the consumer,
// because a send needs a deep stack, which a goroutine for each would have to grow anew.
func (c *Consumer) runSender(ctx context.Context) {
	for m := range c.toSend {
		for ok := true; ok; {
			j := judged{m, c.send(ctx, m)}
			m, ok = c.recipients.next(m.OpenID)
			c.verdicts <- j
		}
	}
}

// send lets the Sender send m. It doesn't end with ctx: a send that has begun is finished.
func (c *Consumer) send(ctx context.Context, m claimed) (v Verdict) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), m.deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Log.WithField("id", m.ID).Errorf("the sender panicked: %v\n%s", p, debug.Stack())
			v = Verdict{Outcome: Unknown, Kind: kindInternalError,
				Text: textInternalError}
		}
	}()
	if m.broken {
		return Verdict{Outcome: Refused, Kind: kindParametersBroken,
			Text: textParametersBroken}
	}
	if time.Until(m.deadline) < c.cfg.SendTimeout/2 {
		return Verdict{Outcome: Halt, Kind: kindTooLate,
			Text: textTooLate}
	}
	failpoint.Reach("sending", m.OpenID)
	return c.cfg.Sender.Send(ctx, m.Claimed)
}
