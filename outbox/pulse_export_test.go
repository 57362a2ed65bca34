package outbox

import "time"

// Silent makes it so long since the pump's last sign of life.
func (c *Consumer) Silent(d time.Duration) { c.pulse.last.Store(int64(time.Since(c.pulse.began) - d)) }
