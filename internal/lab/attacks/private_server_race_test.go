package attacks

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/pgembed"
)

// TestPlantedRunDirectories: root cleans up after servers that are dead. The account has left what looks like some.
func TestPlantedRunDirectories(t *testing.T) {
	needRoot(t)
	r, base, other := newTreasure(t), stickyDir(t), bystander(t)
	t.Setenv("TMPDIR", base)
	asAccount(t, `
		cd "$1"
		mkdir -m 700 submsg-pg-1 submsg-pg-2 submsg-pg-3
		printf '%s\n%s\n' "$3" "$1/submsg-pg-1/data" >submsg-pg-1/.s.PGSQL.5432.lock
		printf '%s\n/\n' "$3" >submsg-pg-1/.s.PGSQL.5433.lock
		mkfifo submsg-pg-2/.s.PGSQL.5432.lock
		ln -s "$2/secret" submsg-pg-2/.s.PGSQL.5433.lock
		ln -s "$2" submsg-pg-2/data
		ln -s "$2" submsg-pg-4`, base, r.dir, fmt.Sprint(other.Process.Pid))
	var owner os.FileInfo
	for _, run := range []string{"1", "2"} {
		for _, port := range []string{"5432", "5433"} {
			dir := filepath.Join(base, "submsg-pg-"+run)
			answers(t, filepath.Join(dir, ".s.PGSQL."+port))
			owner, _ = os.Stat(dir)
		}
	}
	// This one is of an account that has nothing to do with servers.
	foreign := filepath.Join(base, "submsg-pg-5")
	must(t, os.Mkdir(foreign, 0o700))
	must(t, os.Chown(foreign, int(owner.Sys().(*syscall.Stat_t).Uid)+1, 0))

	if said := startAndStop(t, pgembed.Config{}); !strings.Contains(said, url.QueryEscape(base)) {
		t.Error(said)
	}
	r.untouched(t)
	left, _ := filepath.Glob(filepath.Join(base, "*"))
	if len(left) != 2 || left[1] != foreign { // the other is the link, which is no directory
		t.Errorf("left: %v", left)
	}
}

// answers lets connections in at a socket, as a server does.
func answers(t *testing.T, path string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	must(t, os.Chmod(path, 0o777))
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}

// TestSwapWhileRootIsAtWork: while root starts and stops servers, a process of the account exchanges what it can reach.
func TestSwapWhileRootIsAtWork(t *testing.T) {
	needRoot(t)
	for _, attack := range []struct{ name, swap string }{
		{"files for links", `for f in log pg_hba.conf; do [ -h "$d/$f" ] || ln -s "$2/$f" "$d/$f"; done`},
		{"the password for a link", `[ -h "$d/password" ] || ln -sf "$2/secret" "$d/password"`},
		{"the data for a link", `[ -e "$d/data/base" ] && {
			mv "$d/data" "$d/x"; ln -s "$2" "$d/data"; mv "$d/data" "$d/y"; mv "$d/x" "$d/data"; }`},
		{"the folder for a link", `[ -e "$d/data" ] && mv "$d" "$1/x" && ln -s "$2" "$d"`},
	} {
		t.Run(attack.name, func(t *testing.T) {
			r, base := newTreasure(t), stickyDir(t)
			t.Setenv("TMPDIR", base)
			ctx, cancel := context.WithCancel(t.Context())
			cmd, err := pgembed.Command(ctx, "/bin/sh", "-c",
				`while :; do for d in "$1"/submsg-pg-*; do [ -d "$d" ] && { `+attack.swap+`; }; done; done`,
				"attack", base, r.dir)
			must(t, err)
			must(t, cmd.Start())
			if said := startAndStop(t, pgembed.Config{}); strings.Contains(said, secret) {
				t.Errorf("root has read out its own file: %s", said)
			}
			cancel()
			_ = cmd.Wait()
			r.untouched(t)
		})
	}
}

// TestLogOfADeadServer: the account puts a link where a log could be, and ends the server, so that root tells what it
// said.
func TestLogOfADeadServer(t *testing.T) {
	needRoot(t)
	t.Parallel()
	server, err := pgembed.Start(t.Context(), pgembed.Config{Test: true})
	must(t, err)
	u, err := url.Parse(server.URL())
	must(t, err)
	r := newTreasure(t)
	asAccount(t, `cd "$1"; for f in * log; do [ -d "$f" ] || ln -sf "$2/secret" "$f"; done; kill -s QUIT "$3"`,
		u.Query().Get("host"), r.dir, strconv.Itoa(server.PID()))
	<-server.Done()
	if err := server.Stop(); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("Stop: %v", err)
	}
	r.untouched(t)
}

// TestTemporaryFolderOfOthers: where others could exchange what root makes, root makes nothing.
func TestTemporaryFolderOfOthers(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o755 | os.ModeSticky} {
		t.Run(mode.String(), func(t *testing.T) {
			base := publicDir(t)
			must(t, os.Chmod(base, mode))
			if mode.Perm()&0o002 == 0 {
				needRoot(t)
				must(t, os.Chown(base, 65534, 65534))
			}
			t.Setenv("TMPDIR", base)
			server, err := pgembed.Start(t.Context(), pgembed.Config{Settings: map[string]string{"fsync": "off"}})
			must(t, err)
			defer server.Stop()
			u, err := url.Parse(server.URL())
			must(t, err)
			if socket := u.Query().Get("host"); strings.HasPrefix(socket, base) {
				t.Errorf("the socket is in %s", socket)
			}
		})
	}
}

// TestStoppedReaper: the account can stop every process of its own, and root doesn't wait for them for ever.
func TestStoppedReaper(t *testing.T) {
	t.Parallel()
	server, err := pgembed.Start(t.Context(), pgembed.Config{Test: true})
	must(t, err)
	u, err := url.Parse(server.URL())
	must(t, err)
	stopped := 0
	for _, p := range descendants(t) {
		if strings.Contains(p.command, "submsg-pg-reaper\x00"+u.Query().Get("host")) {
			asAccount(t, `kill -s STOP "$1"`, strconv.Itoa(p.pid))
			stopped++
		}
	}
	if stopped != 1 {
		t.Errorf("%d processes stopped", stopped)
	}
	done := make(chan error, 1)
	go func() { done <- server.Stop() }()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(patience):
		t.Error("root waits for ever")
	}
}
