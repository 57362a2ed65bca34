package pgembed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	runPrefix = "submsg-pg-"
	// A socket's path is limited to 104 bytes with its end on BSD and macOS, 108 on Linux.
	maxSocketPath = 103
	longestSocket = "/" + runPrefix + "4294967295/.s.PGSQL.65535"
)

// newRunDir makes the temporary directory of one server, after removing those of servers that are dead.
func newRunDir(owner account, test bool) (*lockedDir, error) {
	bases := []string{os.TempDir(), "/tmp", "/var/tmp"}
	if test && roomyMemory(memoryDir) {
		bases = append([]string{memoryDir}, bases...)
	}
	for _, base := range bases {
		if len(base)+len(longestSocket) > maxSocketPath || !owner.reaches(base) {
			continue
		}
		sweep(base, owner)
		if d, err := newRunDirIn(base, owner); !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
			return d, err
		}
	}
	return nil, fmt.Errorf("no directory for the server's socket: "+
		"none of %s is short enough and open to %s; set TMPDIR", strings.Join(bases, ", "), owner.name)
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
		if err := owner.own(path); err != nil {
			return nil, errors.Join(err, os.Remove(path), d.lock.Close())
		}
		return d, nil
	}
}

// sweep removes run directories that nobody is responsible for: caller and reaper were both killed.
func sweep(base string, owner account) {
	paths, _ := filepath.Glob(filepath.Join(base, runPrefix+"*"))
	for _, path := range paths {
		d, err := lockDir(path)
		if err != nil {
			continue // in use, or another user's
		}
		if d.ownedBy(owner.uid) || d.ownedBy(os.Geteuid()) {
			killStray(path)
			_ = removeAll(path)
		}
		d.lock.Close()
	}
}

// removeAll tries again where a process that is about to die still writes.
func removeAll(path string) (err error) {
	for range 100 {
		if err = os.RemoveAll(path); !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func (d *lockedDir) ownedBy(uid int) bool {
	info, err := d.lock.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// killStray ends a server that outlived everybody. Its socket's lock file names the process, and that the socket
// is answered proves that the number has not passed on to another process.
func killStray(run string) {
	sockets, _ := filepath.Glob(filepath.Join(run, ".s.PGSQL.*[0-9]"))
	for _, socket := range sockets {
		conn, err := net.DialTimeout("unix", socket, time.Second)
		if err != nil {
			continue
		}
		conn.Close()
		content, _ := os.ReadFile(socket + ".lock")
		line, _, _ := strings.Cut(string(content), "\n")
		if pid, err := strconv.Atoi(line); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
	}
}
