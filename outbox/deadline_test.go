package outbox

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A context of a send is over as soon as its time by the boot clock has passed, whatever its timer says: that stands
// still while a machine is suspended.
func TestSendContextKnowsTheBootClock(t *testing.T) {
	t.Parallel()
	ctx, cancel := withBootDeadline(t.Context(), bootTime()+time.Hour)
	defer cancel()
	if err := ctx.Err(); err != nil {
		t.Fatalf("an hour before its end: %v", err)
	}
	suspended := ctx.(sendContext)
	// The machine has slept for an hour, and the timer knows nothing of it.
	suspended.deadline = bootTime() - time.Second
	if err := suspended.Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its end: %v", err)
	}
}

// refusing is a Sender that must not be asked.
type refusing struct{ accepting }

func (refusing) Send(context.Context, Claimed) Verdict { panic("sent") }

// A message that comes too late to its sender isn't sent: it waits again.
func TestTooLateToSend(t *testing.T) {
	t.Parallel()
	s := &senders{cfg: Config{Sender: refusing{}, SendTimeout: time.Minute}}
	for _, left := range []time.Duration{-time.Hour, 0, 29 * time.Second} {
		v := s.send(t.Context(), message{deadline: bootTime() + left})
		if v.Outcome != Halt || v.Kind != kindTooLate {
			t.Errorf("%s before its deadline: %+v", left, v)
		}
	}
}
