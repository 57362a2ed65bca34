//go:build !linux

package outbox

import "time"

var wallStart = time.Now().Round(0)

// bootTime is a time that goes on while the machine is suspended: that of the wall clock, where the system has no
// better one.
func bootTime() time.Duration { return time.Now().Round(0).Sub(wallStart) }
