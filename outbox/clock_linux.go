package outbox

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime is the time since the machine was started, the time that it was suspended included. Go's own clocks stand
// still while a machine sleeps, so a deadline by them would let a message go that was given up long ago.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // every Linux has this clock
	}
	return time.Duration(ts.Nano())
}
