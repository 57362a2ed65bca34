package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// `submsg postgres` is a server for anybody, and whatever ends it, nothing of it stays.
func TestPostgresCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		url    string
		signal syscall.Signal
		code   int
	}{
		{"SIGTERM", []string{"--migrate"}, `^(postgres://postgres@/postgres\?\S+)\n`, syscall.SIGTERM, 0},
		{"TCP, SIGINT", []string{"--listen=127.0.0.1:0"}, `^(postgres://postgres:\w\S*@127\.0\.0\.1:\d+/postgres\?\S+)\n`, syscall.SIGINT, 0},
		{"SIGKILL", nil, `^(postgres://postgres@/postgres\?\S+)\n`, syscall.SIGKILL, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			temp := shortDir(t)
			p := start(t, []string{"TMPDIR=" + temp}, append([]string{"postgres"}, c.args...)...)
			url := p.match(&p.out, c.url)[1]
			if got := psql(t, url, "SELECT 'fine';"); got != "fine\n" {
				t.Errorf("psql says %q", got)
			}
			if c.args != nil && c.args[0] == "--migrate" {
				psql(t, url, insertFor(1))
			}
			run := entries(t, temp)
			if len(run) != 1 {
				t.Fatalf("the server's directory: %v", run)
			}
			pid := postmaster(t, filepath.Join(temp, run[0]))
			p.signal(c.signal)
			if code := p.exit(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			eventually(t, "the server is gone", func() bool { return !alive(pid) })
			eventually(t, "its directory is gone", func() bool { return len(entries(t, temp)) == 0 })
			if strings.Count(p.out.String(), "\n") != 1 {
				t.Errorf("standard output holds more than the URL: %q", p.out.String())
			}
		})
	}
	t.Run("only loopback", func(t *testing.T) {
		t.Parallel()
		p := start(t, nil, "postgres", "--listen=0.0.0.0:5544")
		if code := p.exit(); code == 0 || !strings.Contains(p.err.String(), "only loopback addresses") {
			t.Errorf("exit code %d: %s", code, p.err.String())
		}
	})
}

// shortDir is an openDir whose path leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// postmaster reads the server's process id from the lock file beside its socket.
func postmaster(t *testing.T, run string) (pid int) {
	t.Helper()
	locks, err := filepath.Glob(filepath.Join(run, ".s.PGSQL.*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("lock files: %v, %v", locks, err)
	}
	content, err := os.ReadFile(locks[0])
	if err == nil {
		_, err = fmt.Sscan(string(content), &pid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// alive is false for a zombie too, whose parent may never look.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return false
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return !strings.Contains(string(stat), ") Z ")
}
