package pgembed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestStartServesAndStopRemoves(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := start(t, Config{Test: true, Settings: map[string]string{"work_mem": "7MB"}, Log: &log})

	for query, want := range map[string]string{
		"SHOW fsync":            "off",
		"SHOW work_mem":         "7MB",
		"SHOW listen_addresses": "",
		"SHOW server_encoding":  "UTF8",
		"SELECT current_user":   "postgres",
	} {
		if got := ask(t, s.URL(), query); got != want {
			t.Errorf("%s = %q, want %q", query, got, want)
		}
	}
	ask(t, s.URL(), "CREATE DATABASE other")
	if got := ask(t, s.DatabaseURL("other"), "SELECT current_database()"); got != "other" {
		t.Errorf("DatabaseURL leads to %q", got)
	}
	if _, err := os.Stat(filepath.Join(s.BinDir(), "initdb")); err != nil {
		t.Error(err)
	}

	if info, err := os.Stat(s.run.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket isn't closed to others: %v, %v", info.Mode(), err)
	}
	uid := fileOwner(t, "/proc/"+strconv.Itoa(s.PID()))
	if uid == 0 || os.Geteuid() != 0 && uid != os.Geteuid() {
		t.Errorf("the server runs as user %d", uid)
	}

	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	<-s.Done()
	if exists(s.run.path) {
		t.Error("Stop left", s.run.path)
	}
	if !strings.Contains(log.String(), "ready to accept connections") {
		t.Errorf("the log did not reach Config.Log: %s", &log)
	}
}

func TestTwoServersSideBySide(t *testing.T) {
	t.Parallel()
	one, two := start(t, Config{Test: true}), start(t, Config{}) // in memory, and durable
	ask(t, one.URL(), "CREATE TABLE mine()")
	if got := ask(t, two.URL(), "SELECT coalesce(to_regclass('mine')::text, 'absent')"); got != "absent" {
		t.Errorf("a table of one is %s in two", got)
	}
	if got := ask(t, two.URL(), "SHOW fsync"); got != "on" {
		t.Errorf("without the test profile, fsync = %s", got)
	}
	if err := two.Stop(); err != nil || exists(two.run.path) {
		t.Errorf("Stop: %v, directory left: %v", err, exists(two.run.path))
	}
}

func TestDoneTellsOfADeadServer(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Test: true})
	if err := syscall.Kill(serverPID(t, s.run.path), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "stopped by itself: exit status") {
		t.Errorf("Stop = %v", err)
	}
	if exists(s.run.path) {
		t.Error("Stop left", s.run.path)
	}
}

func TestStartErrorShowsTheLog(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Config{Test: true, Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("error = %v", err)
	}
	if strings.Count(err.Error(), "no_such_setting") != 1 {
		t.Errorf("said more than once: %v", err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	base := shortTemp(t)
	t.Setenv("TMPDIR", base)
	for _, when := range []string{"data.unfinished", "data"} { // in initdb, and while the server starts
		t.Run(when, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() {
				s, err := Start(ctx, Config{})
				if err == nil {
					err = s.Stop()
				}
				result <- err
			}()
			eventually(t, "a start at "+when, func() bool {
				found, _ := filepath.Glob(filepath.Join(base, runPrefix+"*", when))
				return len(found) > 0
			})
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(base, "*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// shortTemp is a temporary directory that is short enough for sockets, and open to the server's account.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgembed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil { // not RemoveAll: it is to be empty again
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}
