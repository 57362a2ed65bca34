package outbox

import (
	"maps"
	"slices"
	"time"
)

// claims is what a consumer remembers of its own claims. Each is a row of subMsgClaim, too, for the sweep.
type claims struct {
	open  map[string]int // by claimId: how many of its messages are not settled yet
	ended []string       // all their messages are settled: their rows of subMsgClaim can be deleted
	lost  map[string]lostClaim
}

// lostClaim is a claim whose answer was lost: its rows may be "sending" with nobody to send them.
type lostClaim struct {
	since    time.Duration // when it was lost, by the boot clock
	released time.Duration // when its rows were first given back; 0: not yet
}

func newClaims() claims {
	return claims{open: make(map[string]int), lost: make(map[string]lostClaim)}
}

// settled notes that one message of the claim is settled.
func (c *claims) settled(id string) {
	if c.open[id]--; c.open[id] <= 0 {
		delete(c.open, id)
		c.ended = append(c.ended, id)
	}
}

// takeEnded hands over the claims whose messages are all settled, to be deleted from the database.
func (c *claims) takeEnded() (ended []string) {
	ended, c.ended = c.ended, nil
	return ended
}

// lose notes a claim whose answer was lost.
func (c *claims) lose(id string, now time.Duration) { c.lost[id] = lostClaim{since: now} }

// lostIDs returns the claims whose answer was lost.
func (c *claims) lostIDs() []string { return slices.Collect(maps.Keys(c.lost)) }

// own returns the claims of which messages may be "sending" in the name of this process.
func (c *claims) own() []string { return append(c.lostIDs(), slices.Collect(maps.Keys(c.open))...) }

// released notes that what lost claims hold was given back, by a statement that began then. Such a claim can still be
// committed after its connection broke: it does nothing once its time is over, but it may have begun before that, on a
// server that stood still in the middle. So it is forgotten only when its lease is over and it has been given back
// twice, the second time a while after the first.
func (c *claims) released(began, lease time.Duration) {
	for id, l := range c.lost {
		if l.released == 0 {
			l.released = began
			c.lost[id] = l
		}
	}
	maps.DeleteFunc(c.lost, func(_ string, l lostClaim) bool {
		return began-l.since > lease && began-l.released >= releaseTwice
	})
}

// releaseFailed forgets the lost claims that could not be given back for too long: those are left to the sweep, because
// new claims must not wait for them without end.
func (c *claims) releaseFailed(now, lease time.Duration) {
	maps.DeleteFunc(c.lost, func(_ string, l lostClaim) bool { return now-l.since > lease+giveUpRelease })
}

// giveUp forgets a lost claim.
func (c *claims) giveUp(id string) { delete(c.lost, id) }
