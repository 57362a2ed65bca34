//go:build faults

// Package failpoint marks the places where the fault suite ends or freezes the process. Without the build tag
// "faults" a mark compiles to nothing. It knows nothing of what is tested. Begin at Hit and Variable in on.go.
package failpoint

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Variable arms failpoints: "name:n:action", comma-separated. The n-th hit of name does the action,
// kill (SIGKILL to itself) or stop (SIGSTOP, until somebody sends SIGCONT).
const Variable = "SUBMSG_FAILPOINT"

type armed struct {
	left   atomic.Int64
	signal syscall.Signal
}

var points = parse(os.Getenv(Variable))

func parse(text string) map[string]*armed {
	points := make(map[string]*armed)
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		parts := strings.Split(one, ":")
		if len(parts) != 3 {
			panic(fmt.Sprintf("%s: %q isn't name:n:action", Variable, one))
		}
		n, err := strconv.ParseInt(parts[1], 10, 64)
		signal, ok := map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP}[parts[2]]
		if err != nil || n < 1 || !ok {
			panic(fmt.Sprintf("%s: %q isn't name:n:action", Variable, one))
		}
		points[parts[0]] = &armed{signal: signal}
		points[parts[0]].left.Store(n)
	}
	return points
}

// Hit marks a place.
func Hit(name string) {
	p, ok := points[name]
	if !ok || p.left.Add(-1) != 0 {
		return
	}
	runtime.LockOSThread() // the signal goes to this very thread: otherwise it would run on until another has met it
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), p.signal); err != nil {
		panic(err)
	}
	runtime.UnlockOSThread()
	if p.signal == syscall.SIGKILL {
		select {} // it is on its way
	}
}

// Reach marks a place that a value comes to: "name=value:n:action" arms it for that value.
func Reach(name, value string) { Hit(name + "=" + value) }
