//go:build faults

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
)

// disk is one with a database on it, that can be full.
type disk struct {
	*node
	fill, free func()
}

// onSmallDisk has files of WAL of 1 MB, and keeps its promises.
var onSmallDisk = pgembed.Config{Test: true, Settings: map[string]string{
	"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
}}

// TestDiskFull fills the database's disk under load. A table that can't grow is an error of a statement; the log (WAL)
// that can't grow ends the server, which is started again when there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel() // it mostly waits for its servers
	disks := []struct {
		name string
		make func(*testing.T) disk
	}{
		{"table", func(t *testing.T) disk { return limited(t, (*node).size) }},
		{"WAL", func(t *testing.T) disk { return limited(t, func(*node) string { return "65536" }) }},
		{"file system", small},
	}
	if !mountable(t) {
		disks = disks[:2]
	}
	for _, kind := range disks {
		t.Run(kind.name, func(t *testing.T) {
			d := kind.make(t)
			n := d.node
			l := newLabOn(t, n.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
			p := newProxy(t, n.url())
			l.url = p.url(n.url())
			// Without room to spare in its pages, so that claims make the table grow.
			l.exec(`ALTER TABLE subMsgList SET (fillfactor = 100)`)
			// More than a file of WAL holds, so that limits tell the one from the other.
			l.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, parameterArr)
				SELECT 'o', 't', 'cancel', ARRAY['', '', '', 'filler' || n, repeat('x', 1500)] FROM generate_series(1, 800) AS n`)
			w := l.start()
			var r recovery
			ended := 0
			for range max(1, *cycles/60) {
				l.load(300)
				before := strings.Count(w.log.String(), "trouble")
				d.fill()
				refused := l.crowd()
				l.within(30*time.Second, "submsg meets the full disk", func() bool {
					return strings.Count(w.log.String(), "trouble") > before
				})
				// it may take the server a while to give up
				time.Sleep(time.Duration(l.dice.IntN(1000)) * time.Millisecond)
				d.free()
				if n.gone(l) {
					ended++
					n.server.Stop()
					n.start()
					l.connect(n.url())
					p.lead(n.url())
				}
				l.back(&r)
				l.within(time.Minute, "what did not fit is inserted",
					func() bool { return l.offer(refused, crowd) == nil })
				total.inject("disk full: "+kind.name, 1)
			}
			t.Logf("the server gave up %d times; back at work after %s at most", ended, r.worst)
			l.flat(w)
			l.finish(0)
		})
	}
}

const crowd = 50

// crowd inserts messages until they don't fit, and returns the key of the first that did not.
func (l *lab) crowd() (key int64) {
	l.t.Helper()
	l.within(30*time.Second, "the table is full", func() bool {
		key = l.keys.Add(crowd) - crowd + 1
		return l.offer(key, crowd) != nil
	})
	return key
}

// gone waits until the server answers or has ended, and tells which.
func (n *node) gone(l *lab) (gone bool) {
	n.t.Helper()
	l.within(time.Minute, "the server makes up its mind", func() bool {
		select {
		case <-n.server.Done():
			gone = true
		default:
			_, err := l.ask(`SELECT 1`)
			return err == nil
		}
		return true
	})
	return gone
}

// limited is a server whose files may not grow, by order of limit.
func limited(t *testing.T, limit func(*node) string) disk {
	n := newNode(t, "", onSmallDisk)
	return disk{n, func() { n.limitFiles(limit(n)) }, func() { n.limitFiles("unlimited") }}
}

// small is a file system of some MB.
func small(t *testing.T) disk {
	dir := open(t, "")
	if err := mount(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, dir) })
	ballast := filepath.Join(dir, "ballast")
	return disk{newNode(t, dir, onSmallDisk), func() { fill(t, ballast) }, func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}}
}

func mount(dir string) error {
	return unix.Mount("submsg-faults", dir, "tmpfs", 0, "size=96m,mode=755")
}

func unmount(t *testing.T, dir string) {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
}

// mountable tells whether this process may mount: not as an ordinary user, nor as root of most containers. The limits
// on files work everywhere.
func mountable(t *testing.T) bool {
	dir := open(t, "")
	if err := mount(dir); err != nil {
		t.Logf("no small file system here, only limits on files: %v", err)
		return false
	}
	unmount(t, dir)
	return true
}

// fill writes until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<16); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// size is that of the table of messages in bytes, above that of a file of WAL.
func (n *node) size() string {
	n.t.Helper()
	size := n.ask(`SELECT pg_relation_size('subMsgList')`)
	if bytes, err := strconv.Atoi(size); err != nil || bytes <= 1<<20 {
		n.t.Fatalf("the table has %s bytes", size)
	}
	return size
}

// limitFiles lets no process of the server write beyond a byte of a file: EFBIG in place of ENOSPC. What processes are
// to come have it from the first.
func (n *node) limitFiles(bytes string) {
	n.t.Helper()
	for _, pid := range append([]int{n.server.PID()}, children(n.server.PID())...) {
		// Root of a container may not do this to others.
		cmd, err := pgembed.Command(n.t.Context(), "prlimit", "--pid", strconv.Itoa(pid), "--fsize="+bytes+":")
		if err != nil {
			n.t.Fatal(err)
		}
		if out, err := cmd.CombinedOutput(); err != nil && syscall.Kill(pid, 0) == nil {
			n.t.Fatalf("prlimit: %v\n%s", err, out)
		}
	}
}

// children are a process's, by proc(5).
func children(of int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, _ := os.ReadFile(path) // it may have ended
		_, after, _ := strings.Cut(string(text), ") ")
		var pid, parent int
		fmt.Sscan(string(text), &pid)
		fmt.Sscanf(after, "%1s %d", new(string), &parent)
		if parent == of {
			pids = append(pids, pid)
		}
	}
	return pids
}
