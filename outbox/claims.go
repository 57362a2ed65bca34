package outbox

import (
	"maps"
	"sync"
	"time"
)

// claims is what a consumer remembers of its own claims. Each is a row of subMsgClaim, too, for the sweep.
type claims struct {
	mu    sync.Mutex
	open  map[string]int       // by claimId: how many of its messages are not settled yet
	ended []string             // all their messages are settled: their rows of subMsgClaim can be deleted
	lost  map[string]time.Time // when the answer was lost: the rows may be "sending" with nobody to send them
}

func newClaims() *claims {
	return &claims{open: make(map[string]int), lost: make(map[string]time.Time)}
}

// begin notes a claim of n messages.
func (c *claims) begin(id string, n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[id] = n
}

// settled notes that one message of the claim is settled.
func (c *claims) settled(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[id]--; c.open[id] <= 0 {
		delete(c.open, id)
		c.ended = append(c.ended, id)
	}
}

// takeEnded hands over the claims whose messages are all settled, to be deleted from the database.
func (c *claims) takeEnded() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := c.ended
	c.ended = nil
	return ended
}

// returnEnded takes back claims that could not be deleted.
func (c *claims) returnEnded(ended []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, ended...)
}

// lose notes a claim whose answer was lost.
func (c *claims) lose(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[id] = time.Now()
}

// lostIDs returns the claims whose answer was lost.
func (c *claims) lostIDs() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.lost {
		ids = append(ids, id)
	}
	return ids
}

// released forgets the claims that were lost before a time: they have been given back since then and can't be committed
// any more, or have been tried for too long.
func (c *claims) released(before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.lost, func(_ string, since time.Time) bool { return since.Before(before) })
}

// giveUp forgets a lost claim.
func (c *claims) giveUp(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.lost, id)
}
