package outbox

import (
	"maps"
	"sync"
	"time"
)

// claims is what a consumer knows of its own.
type claims struct {
	mu   sync.Mutex
	open map[string]int       // messages that are still being sent
	over []string             // none is any more: subMsgClaim needn't know of them
	lost map[string]time.Time // whose answer was lost, since when: rows may be "sending" with nobody to send them
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

// end notes that a message of the claim is settled.
func (c *claims) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[id]--; c.open[id] <= 0 {
		delete(c.open, id)
		c.over = append(c.over, id)
	}
}

// takeOver hands over the claims that are over.
func (c *claims) takeOver() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	over := c.over
	c.over = nil
	return over
}

// giveBack takes them back: they could not be forgotten yet.
func (c *claims) giveBack(over []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = append(c.over, over...)
}

// lose notes a claim whose answer was lost.
func (c *claims) lose(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[id] = time.Now()
}

// losses are the claims whose answer was lost.
func (c *claims) losses() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.lost {
		ids = append(ids, id)
	}
	return ids
}

// released forgets the claims lost before a time: they have been given back since then, and can't come true any more.
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
