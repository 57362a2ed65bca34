//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

// newPooler runs PgBouncer in front of the server of a database URL, pooling by transaction, and returns the database's
// URL by way of it. Prepared statements don't outlive a transaction there, so clients may use none.
func newPooler(t *testing.T, databaseURL string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // Debian's place, in no ordinary user's PATH
	}
	dir, err := os.MkdirTemp("", "submsg-pooler-")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	ini := fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
log_connections = 0
log_disconnections = 0
`, cfg.Host, cfg.Port, cfg.User, port)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(file, []byte(ini), 0o644)); err != nil {
		t.Fatal(err)
	}
	var log output
	cmd, err := pgembed.Command(context.Background(), program, file) // PgBouncer refuses to be root
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (on Debian: apt-get install pgbouncer)", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(dir)
		if t.Failed() {
			t.Logf("pgbouncer:\n%s", log.tail(4000))
		}
	})
	u := url.URL{Scheme: "postgres", User: url.User(cfg.User), Host: fmt.Sprint("127.0.0.1:", port),
		Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestPooler has everything go through PgBouncer, in a way in which pgx does without prepared statements: messages are
// found by polling, and the log and the health say that wakes don't arrive. They do with a direct connection to listen
// on.
func TestPooler(t *testing.T) {
	modes := []string{"cache_describe", "exec", "simple_protocol"}
	if *cycles < 1000 {
		modes = modes[*seed%3:][:1]
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
			direct := l.url
			l.url = newPooler(t, direct) + "&default_query_exec_mode=" + mode
			deaf := l.startListener()
			l.within(20*time.Second, "the worker finds out that it is deaf", func() bool {
				if deaf.hears() {
					t.Fatal("it believes that wakes arrive")
				}
				return deaf.deaf()
			})
			err := migrations.Up(t.Context(), l.url)
			if err == nil || !strings.Contains(err.Error(), "migrate over a direct connection") {
				t.Errorf("migrate: %v", err)
			}
			var worst time.Duration
			for range max(2, *cycles/30) {
				worst = max(worst, l.pickUp())
			}
			l.insert(4 * *cycles)
			hears := l.startListener("SUBMSG_LISTEN_URL=" + direct)
			l.within(20*time.Second, "wakes arrive by the direct connection", hears.hears)
			l.quiesce(30 * time.Second)
			worst = max(worst, l.pickUp())
			t.Logf("picked up within %s, poll %s", worst, patient)
			total.inject("everything through PgBouncer, "+mode, 1)
			deaf.terminate(10 * time.Second)
			hears.terminate(10 * time.Second)
			l.check(0)
		})
	}
}
