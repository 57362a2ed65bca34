//go:build faults

package failpoint

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// EndOfStacks is the line after all goroutines.
const EndOfStacks = "these were all goroutines"

// The fault suite counts goroutines. SIGUSR1 prints them while nothing runs. What SIGQUIT prints of a process that
// works breaks off in the middle now and then, because the stacks are read while they change.
func init() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2) // as a panic prints them
			_, _ = os.Stderr.WriteString("\n" + EndOfStacks + "\n")
		}
	}()
}
