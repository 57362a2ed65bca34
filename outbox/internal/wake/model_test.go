package wake

import (
	"testing"
)

// The wake protocol as a state machine, of which every interleaving is explored. There is no poll in it: a state in
// which nobody can do anything more, although a committed row is unclaimed, is a missed wake. One consumer may be
// killed at any moment.
//
// Its steps are the statements of store.Look, the rounds of package outbox and, for a writer, what Postgres does in a
// transaction: take the table's lock, read the flag in the trigger's WHEN, make the row visible, then release the lock
// and deliver the NOTIFY.

const (
	modelWriters   = 2
	modelConsumers = 2
)

type writer struct{ pc, notify uint8 }

const (
	wBegin  uint8 = iota
	wLocked       // holds RowExclusiveLock
	wRead         // has read the flag
	wVisible
	wDone
)

type sleeper struct {
	pc      uint8
	token   bool // a wake is in the channel
	watched bool // its look saw open writers
}

const (
	cClaim uint8 = iota
	cClear       // busy: clears the flag, wakes the others
	cAsk
	cLook
	cClaimAgain
	cRest
	cDead
)

type model struct {
	asked     bool // the flag
	unclaimed uint8
	writers   [modelWriters]writer
	consumers [modelConsumers]sleeper
}

// variant breaks the protocol, to see that the model finds it.
type variant struct {
	name                                     string
	noAsk, noLook, noSecondClaim, lookBefore bool
	clearSilently                            bool
}

func (m model) wakeAll() model {
	for i := range m.consumers {
		m.consumers[i].token = true
	}
	return m
}

func (m model) openWriters() bool {
	for _, w := range m.writers {
		if w.pc == wLocked || w.pc == wRead || w.pc == wVisible {
			return true
		}
	}
	return false
}

// next lists the states that one step of anybody leads to.
func (m model) next(v variant) (states []model) {
	for i := range m.writers {
		states = append(states, m.writerStep(i)...)
	}
	for i := range m.consumers {
		states = append(states, m.consumerStep(i, v)...)
	}
	if m.consumers[0].pc != cDead { // killed, at any moment; the other one stays
		m.consumers[0] = sleeper{pc: cDead}
		states = append(states, m)
	}
	return states
}

func (m model) writerStep(i int) []model {
	w := &m.writers[i]
	rollback := m
	switch w.pc {
	case wBegin:
		w.pc = wLocked
	case wLocked:
		w.pc = wRead
		if m.asked {
			w.notify = 1
		}
	case wRead:
		rollback.writers[i] = writer{pc: wDone} // its NOTIFY goes with it
		w.pc = wVisible
		m.unclaimed++
		return []model{m, rollback}
	case wVisible:
		notify := w.notify == 1
		*w = writer{pc: wDone}
		if notify {
			m = m.wakeAll()
		}
	default:
		return nil
	}
	return []model{m}
}

func (m model) consumerStep(i int, v variant) []model {
	c := &m.consumers[i]
	switch c.pc {
	case cClaim:
		if m.unclaimed > 0 {
			m.unclaimed--
			busy := m
			busy.consumers[i].pc = cClear
			return []model{m, busy} // more may be due; it may have been busy for long enough to clear the flag
		}
		c.pc = cAsk
		if v.lookBefore {
			c.pc = cLook
		}
	case cClear:
		c.pc = cClaim
		if m.asked && !v.clearSilently {
			m = m.wakeAll()
		}
		m.asked = false
	case cAsk:
		m.asked = m.asked || !v.noAsk
		c.pc = cLook
		if v.lookBefore {
			c.pc = cClaimAgain
		}
	case cLook:
		c.watched = m.openWriters() && !v.noLook
		c.pc = cClaimAgain
		if v.lookBefore {
			c.pc = cAsk
		}
	case cClaimAgain:
		c.pc = cRest
		if m.unclaimed > 0 && !v.noSecondClaim {
			m.unclaimed--
			c.pc = cClaim
		}
	case cRest:
		if !c.token && !c.watched {
			return nil
		}
		c.token, c.watched, c.pc = false, false, cClaim
	default:
		return nil
	}
	return []model{m}
}

// explore visits every reachable state and returns a missed wake, if there is one.
func explore(v variant) (visited int, missed *model) {
	seen := map[model]bool{{}: true}
	queue := []model{{}}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		next := m.next(v)
		if len(next) == 0 && m.unclaimed > 0 {
			return len(seen), &m
		}
		for _, n := range next {
			if !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		}
	}
	return len(seen), nil
}

func TestWakeModel(t *testing.T) {
	t.Parallel()
	visited, missed := explore(variant{})
	t.Logf("%d states", visited)
	if missed != nil {
		t.Errorf("a wake is missed: %+v", *missed)
	}
	if visited < 1000 {
		t.Errorf("only %d states", visited)
	}
	for _, v := range []variant{
		{name: "the flag is never set", noAsk: true},
		{name: "open writers are not watched", noLook: true},
		{name: "no claim after the look", noSecondClaim: true},
		{name: "the look comes before the flag", lookBefore: true},
		{name: "the flag is cleared without waking the others", clearSilently: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			if _, missed := explore(v); missed == nil {
				t.Error("no wake is missed; the model doesn't see the difference")
			} else {
				t.Logf("missed: %+v", *missed)
			}
		})
	}
}
