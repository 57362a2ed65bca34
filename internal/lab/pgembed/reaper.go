package pgembed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The reaper is a shell that waits at the end of a pipe. The pipe closes when this process ends, in whatever way; then
// the shell sends a signal to a process group, both named by the last line it read, and removes the run directory.
// "done" in place of a signal says that there is nothing left to do. It is a shell, because every Unix has one, and
// because it needs nothing in the caller's main: it works in test binaries, too.
//
// Whether the server has ended is seen by postmaster.pid, which the server removes last. Its process number would not
// say it: where process 1 is a program that doesn't expect orphans, as in many containers, a dead one keeps its number.
const reaperScript = removeRun + `
run=$1 data=$2
trap '' HUP INT TERM
signal=none
while read -r s g; do signal=$s group=$g; done
case $signal in
done) exit 0 ;;
none) ;;
*) kill -s "$signal" -- "-$group" ;;
esac
n=0
while [ $signal != none ] && [ -e "$data/postmaster.pid" ] && kill -s 0 -- "-$group"; do
	n=$((n+1))
	[ $n -eq 600 ] && kill -s KILL -- "-$group"
	[ $n -gt 620 ] && break
	sleep 0.1 || sleep 1
done
removeRun "$run"
`

type reaper struct {
	cmd  *exec.Cmd
	pipe *os.File
	kill context.CancelFunc
}

// startReaper watches over a run directory, and shares in the locks so that nobody else touches what it cleans up.
func startReaper(owner account, run, dataDir *lockedDir) (*reaper, error) {
	data, locks := run.path, []*os.File{run.lock}
	if dataDir != nil {
		data, locks = dataDir.path, append(locks, dataDir.lock)
	}
	// It is not bound to the start's context, because it has to outlive everything.
	ctx, kill := context.WithCancel(context.Background())
	cmd := owner.command(ctx, "/bin/sh", "-c", reaperScript, "submsg-pg-reaper", run.path,
		dataIn(data))
	cmd.ExtraFiles = locks
	end, pipe, err := os.Pipe()
	if err != nil {
		kill()
		return nil, err
	}
	defer end.Close()
	cmd.Stdin = end
	if err := cmd.Start(); err != nil {
		kill()
		pipe.Close()
		return nil, fmt.Errorf("start the shell that cleans up after a crash: %w", err)
	}
	return &reaper{cmd, pipe, kill}, nil
}

// watch says which process group is to get which signal if this process dies.
// A reaper that was killed is no reason to fail: the next start's sweep does its work.
func (r *reaper) watch(signal syscall.Signal, group int) {
	_, _ = fmt.Fprintln(r.pipe, strings.TrimPrefix(unix.SignalName(signal), "SIG"), group)
}

// unwatch says that the process group is gone.
func (r *reaper) unwatch() { _, _ = r.pipe.WriteString("none\n") }

// dismiss ends the reaper: everything has been cleaned up. One that its account has stopped doesn't hold this process
// up.
func (r *reaper) dismiss() {
	_, _ = r.pipe.WriteString("done\n")
	_ = r.pipe.Close()
	defer time.AfterFunc(5*time.Second, r.kill).Stop()
	_ = r.cmd.Wait()
	r.kill()
}
