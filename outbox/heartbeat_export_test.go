package outbox

import "time"

// Silent makes it so long since the dispatcher's last sign of life.
func (c *Consumer) Silent(d time.Duration) {
	h := c.dispatcher.health
	h.beaten.Store(int64(time.Since(h.began) - d))
}
