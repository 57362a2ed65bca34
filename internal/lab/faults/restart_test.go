//go:build faults

package faults

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
)

// TestImmediateRestart ends the whole server under load without a checkpoint, and starts it again. What it had said to
// be committed is there, so that nothing is in doubt when it is back.
func TestImmediateRestart(t *testing.T) {
	t.Parallel() // it mostly waits for its server
	n := newNode(t, "", pgembed.Config{})
	l := newLabOn(t, n.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
	p := newProxy(t, n.url())
	l.url = p.url(n.url())
	w := l.start()
	var r recovery
	for range max(2, *cycles/20) {
		l.load(300)
		n.crash()
		n.start()
		l.connect(n.url())
		p.lead(n.url())
		l.back(&r)
		total.inject("immediate restart of Postgres", 1)
	}
	t.Logf("back at work after %s at most", r.worst)
	l.flat(w)
	l.finish(0)
}

// TestKilledBackend ends one of submsg's server processes by SIGKILL: the server then ends all others, and recovers as
// after a crash.
func TestKilledBackend(t *testing.T) {
	t.Parallel() // it mostly waits for its server
	n := newNode(t, "", pgembed.Config{})
	l := newLabOn(t, n.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
	l.by("application_name=submsg")
	w := l.start()
	var r recovery
	for range max(2, *cycles/20) {
		l.load(300)
		witness, err := pgx.Connect(t.Context(), n.url())
		if err != nil {
			t.Fatal(err)
		}
		began := n.ask(`SELECT pg_postmaster_start_time()::text`)
		pid, err := strconv.Atoi(n.ask(`SELECT pid FROM pg_stat_activity
			WHERE application_name = 'submsg' ORDER BY random() LIMIT 1`))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		l.within(time.Minute, "the server ends all its sessions",
			func() bool { return witness.Ping(t.Context()) != nil })
		l.back(&r)
		if now := n.ask(`SELECT pg_postmaster_start_time()::text`); now != began {
			t.Fatalf("the server was started again at %s, it was to recover by itself", now)
		}
		total.inject("SIGKILL of one Postgres process", 1)
	}
	t.Logf("back at work after %s at most", r.worst)
	l.flat(w)
	l.finish(0)
}

// TestFrozenDatabase stops all of Postgres in the middle of a backlog, as a stalled volume does, for longer than
// statements are waited for and leases last. What it executes when it goes on, although nobody waits for it any more,
// does nothing: no message is in doubt, as all were sent or not begun.
func TestFrozenDatabase(t *testing.T) {
	t.Parallel() // it mostly waits
	n := newNode(t, "", pgembed.Config{})
	l := newLabOn(t, n.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
	w := l.start()
	for range max(1, *cycles/200) {
		l.insert(4000)
		l.progress(300)
		all := n.processes()
		for _, pid := range all {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		l.within(30*time.Second, "its statements are given up, and leases are over", func() bool {
			return strings.Contains(w.log.String(), "database trouble") && time.Since(began) > 12*time.Second
		})
		for _, pid := range all {
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		l.quiesce(time.Minute)
		total.inject("all of Postgres frozen", 1)
	}
	l.check(0)
}
