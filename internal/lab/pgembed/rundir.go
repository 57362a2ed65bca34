package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	runPrefix = "submsg-pg-"
	// A socket's path is limited to 104 bytes with its end on BSD and macOS, 108 on Linux.
	maxSocketPath = 103
	longestSocket = "/" + runPrefix + "4294967295/.s.PGSQL.65535"
)

// newRunDir makes the temporary directory of one server, after removing those of servers that are dead.
func newRunDir(ctx context.Context, owner account, test bool) (*lockedDir, error) {
	bases := []string{os.TempDir(), "/tmp", "/var/tmp"}
	if test && roomyMemory(memoryDir) {
		bases = append([]string{memoryDir}, bases...)
	}
	for _, base := range bases {
		base, ok := owner.runBase(base)
		if !ok {
			continue
		}
		sweep(ctx, base, owner)
		if d, err := newRunDirIn(base, owner); !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
			return d, err
		}
	}
	return nil, fmt.Errorf("no directory for the server's socket: none of %s is short enough, closed to changes by "+
		"others (as sticky ones are) and open to %s; set TMPDIR", strings.Join(bases, ", "), owner.name)
}

// runBase tells whether run directories may be made in a folder, and its name without links. The account removes them
// itself, so it has to be allowed to.
func (a account) runBase(dir string) (string, bool) {
	real, err := trusted(dir)
	if err != nil || len(real)+len(longestSocket) > maxSocketPath || !a.reaches(real) {
		return "", false
	}
	info, err := os.Stat(real)
	return real, err == nil && a.may(change, info)
}

func newRunDirIn(base string, owner account) (*lockedDir, error) {
	for {
		path, err := os.MkdirTemp(base, runPrefix+"*")
		if err != nil {
			return nil, err
		}
		d, err := lockDir(path)
		if errors.Is(err, errInUse) || errors.Is(err, os.ErrNotExist) {
			continue // another process's sweep came between
		}
		if err != nil {
			return nil, errors.Join(err, os.Remove(path))
		}
		if !d.stillThere() {
			d.lock.Close()
			continue
		}
		if err := d.handOver(owner); err != nil {
			return nil, errors.Join(err, os.Remove(path), d.lock.Close())
		}
		return d, nil
	}
}

// removeRun is a shell function that removes a run directory, again where a process that is about to die still writes.
const removeRun = `
removeRun() {
	n=0
	until rm -rf -- "$1"; do
		n=$((n+1))
		[ $n -gt 50 ] && return 1
		sleep 0.1 || sleep 1
	done
}
`

// sweepScript ends the servers whose socket is in one of the run directories that it is given, and removes those. The
// socket's lock file names the process and its data directory. That the process is at work there proves that its
// number has not passed on to another one; where there is no /proc, lsof knows it.
const sweepScript = removeRun + `
workplace() { readlink "/proc/$1/cwd" 2>/dev/null || lsof -a -p "$1" -d cwd -Fn 2>/dev/null | sed -n 's/^n//p'; }
for run; do
	for lock in "$run"/.s.PGSQL.*.lock; do
		if [ -f "$lock" ] && { read -r pid && read -r data; } <"$lock" && [ "$(workplace "$pid")" = "$data" ]; then
			kill -s QUIT "$pid"
		fi
	done
	removeRun "$run"
done
`

// What a sweep may cost a start, where another account has left traps.
const (
	sweepTimeout = 20 * time.Second
	sweepMost    = 100
)

// sweep removes run directories that nobody is responsible for: caller and reaper were both killed. The account does
// it, for whose directories it is.
func sweep(ctx context.Context, base string, owner account) {
	paths, _ := filepath.Glob(filepath.Join(base, runPrefix+"*"))
	var dead []string
	for _, path := range paths {
		d, err := lockDir(path)
		if err != nil {
			continue // in use, or another user's
		}
		defer d.lock.Close()
		switch d.owner() {
		case owner.uid:
			dead = append(dead, path)
		case os.Geteuid(): // not handed over yet when its maker was killed, and so empty
			_ = os.Remove(path)
		}
		if len(dead) == sweepMost {
			break
		}
	}
	if len(dead) > 0 {
		ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
		defer cancel()
		_ = owner.command(ctx, "/bin/sh", append([]string{"-c", sweepScript, "submsg-pg-sweep"}, dead...)...).Run()
	}
}

// remove has the account remove a directory of its own.
func (a account) remove(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	_, err := a.output(ctx, "", "/bin/sh", "-c", removeRun+`removeRun "$1"`, "submsg-pg-remove", path)
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}
