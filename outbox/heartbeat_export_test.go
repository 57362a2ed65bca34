package outbox

import "time"

// Silent makes it so long since the claimer's last sign of life.
func (c *Consumer) Silent(d time.Duration) {
	c.heartbeat.last.Store(int64(time.Since(c.heartbeat.began) - d))
}
