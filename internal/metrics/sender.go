package metrics

import (
	"context"
	"time"

	"github.com/submsg/submsg/outbox"
)

// sender counts what goes through another Sender.
type sender struct {
	outbox.Sender
	*Metrics
}

// Wrap returns a Sender that counts the sends of s.
func (m *Metrics) Wrap(s outbox.Sender) outbox.Sender { return sender{s, m} }

// Send counts a send that panics, too: its verdict is unknown, as package outbox judges it.
func (s sender) Send(ctx context.Context, c outbox.Claimed) (v outbox.Verdict) {
	began := time.Now()
	s.inFlight.Inc()
	if !c.Due.IsZero() {
		s.late.Observe(max(0, began.Sub(c.Due).Seconds()))
	}
	if !c.Woken.IsZero() {
		s.woken.Observe(began.Sub(c.Woken).Seconds())
	}
	defer func() {
		s.inFlight.Dec()
		s.sends.WithLabelValues(s.name(c.TemplateID), v.Outcome.String()).Inc()
		if v.Outcome != outbox.Refused || v.Code != nil {
			s.took.Observe(time.Since(began).Seconds())
		}
	}()
	return s.Sender.Send(ctx, c)
}
