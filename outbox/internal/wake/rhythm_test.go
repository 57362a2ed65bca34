package wake

import (
	"testing"
	"time"
)

// Two replicas share a trickle of messages: one of them claims each, and clears the flag that the other one has set,
// which is woken for nothing. That one leaves the work to the first for a while, looks again now and then, and works at
// once when a wake brings it a message.
func TestInVain(t *testing.T) {
	now := time.Now()
	var r Rhythm
	woken := func(n int, apart time.Duration) {
		for range n {
			now = now.Add(apart)
			r.Woken(now)
		}
	}
	if woken(yieldAfter-1, YieldFor/2); r.InVain() {
		t.Error("it yields after too few wakes")
	}
	if woken(1, YieldFor/2); !r.InVain() {
		t.Error("it doesn't yield")
	}
	yields := 0
	for ; r.InVain() && yields <= mostYields; yields++ {
		now = now.Add(YieldFor)
		r.Yielded(now)
	}
	if yields != mostYields {
		t.Errorf("it yields %d times in a row, not %d", yields, mostYields)
	}
	if woken(2*yieldAfter, YieldFor+1); r.InVain() {
		t.Error("wakes that come seldom count together")
	}
	if woken(yieldAfter, YieldFor/2); !r.InVain() {
		t.Error("it doesn't yield again")
	}
	if r.Claimed(now); r.InVain() {
		t.Error("it yields though a wake brought a message")
	}
}

// Only messages that come one soon after the other are looked for all the time.
func TestOften(t *testing.T) {
	now := time.Now()
	var r Rhythm
	claims := func(n int, apart time.Duration) {
		for range n {
			now = now.Add(apart)
			r.Claimed(now)
		}
	}
	if claims(10*busyPollAfter, BusyPollFor); r.Often(now) {
		t.Error("claims that come seldom count together")
	}
	if claims(busyPollAfter, BusyPollFor/2); !r.Often(now) {
		t.Error("it doesn't notice that messages come often")
	}
	if r.Often(now.Add(BusyPollFor)) {
		t.Error("it goes on when they have stopped")
	}
}
