package outbox

import (
	"math"
	"time"
)

// turns is when the last turn was, and how long it took.
type turns struct {
	began time.Duration // zero: there was none since something was due
	took  time.Duration // its transaction
}

// ended is when the last turn's transaction ended.
func (t *turns) ended() time.Duration { return t.began + t.took }

// collectUntil is until when verdicts are collected before the next turn.
func (t *turns) collectUntil() time.Duration {
	return t.ended() + min(max(collectShare*t.took, leastCollect), mostCollect)
}

// aheadMeter measures how many messages of an account come back in a turn. So many are claimed ahead: then no sender
// waits for the database, and a crash leaves no more in doubt than that takes.
type aheadMeter struct {
	most int // never more
	came int // messages that came back since the last turn began

	// Smoothed. How many come and how long that takes are smoothed by themselves, because messages come in bursts, and
	// turns with them.
	back, between float64 // messages that come back from turn to turn, and seconds
	cycle         float64 // seconds that a turn and the collecting before it need
}

// returned counts a message that came back.
func (m *aheadMeter) returned() { m.came++ }

// turned notes a turn that began then and whose transaction took so long, after the turn last.
func (m *aheadMeter) turned(last turns, began, took time.Duration) {
	if passed := (began - last.began).Seconds(); last.began > 0 && passed > 0 {
		m.back += (float64(m.came) - m.back) / aheadSmooth
		m.between += (passed - m.between) / aheadSmooth
		m.cycle += (min(passed, took.Seconds()+mostCollect.Seconds()) - m.cycle) / aheadSmooth
	}
	m.came = 0
}

// target is how many messages to have claimed ahead.
func (m *aheadMeter) target() int {
	if m.between == 0 {
		return 0
	}
	return min(int(math.Ceil(m.back/m.between*m.cycle)), m.most)
}
