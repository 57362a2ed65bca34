package outbox

import (
	"math"
	"time"
)

// aheadMeter measures how many messages come back in a turn. So many are claimed ahead: then no sender waits for the
// database, and a crash leaves no more in doubt than that takes.
type aheadMeter struct {
	most int // never more

	began time.Duration // when the last turn began
	took  time.Duration // how long its transaction took
	came  int           // messages that came back since

	// Smoothed. How many come and how long that takes are smoothed by themselves, because messages come in bursts, and
	// turns with them.
	back, between float64 // messages that come back from turn to turn, and seconds
	cycle         float64 // seconds that a turn and the collecting before it need
}

// returned counts a message that came back.
func (m *aheadMeter) returned() { m.came++ }

// turned notes a turn that began then and whose transaction took so long.
func (m *aheadMeter) turned(began, took time.Duration) {
	m.took = took
	if passed := (began - m.began).Seconds(); m.began > 0 && passed > 0 {
		m.back += (float64(m.came) - m.back) / aheadSmooth
		m.between += (passed - m.between) / aheadSmooth
		m.cycle += (min(passed, took.Seconds()+mostCollect.Seconds()) - m.cycle) / aheadSmooth
	}
	m.began, m.came = began, 0
}

// ended is when the last turn's transaction ended.
func (m *aheadMeter) ended() time.Duration { return m.began + m.took }

// rested forgets the last turn, after which nothing was due.
func (m *aheadMeter) rested() { m.began = 0 }

// target is how many messages to have claimed ahead.
func (m *aheadMeter) target() int {
	if m.between == 0 {
		return 0
	}
	return min(int(math.Ceil(m.back/m.between*m.cycle)), m.most)
}

// collect is how long verdicts are collected after a turn before the next one.
func (m *aheadMeter) collect() time.Duration {
	return min(max(collectShare*m.took, leastCollect), mostCollect)
}
