//go:build faults

package faults

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

// by adds a connection parameter to the workers' database URL.
func (l *lab) by(param string) {
	separator := "?"
	if strings.Contains(l.url, "?") {
		separator = "&"
	}
	l.url += separator + param
}

const terminateSQL = `
SELECT count(pg_terminate_backend(pid)) FROM (
	SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'submsg'
	ORDER BY random() LIMIT $1) AS s`

// TestTerminatedBackends ends connections of two replicas every 200 ms under load: one, some, or all.
func TestTerminatedBackends(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	l.by("application_name=submsg") // the listeners' too
	w, other := l.start(), l.start()
	l.load(200)
	var r recovery
	often := time.NewTicker(200 * time.Millisecond)
	defer often.Stop()
	for n := range *cycles / 2 {
		<-often.C
		l.keep(200)
		total.inject("pg_terminate_backend", l.number(terminateSQL, []int{1, 3, 1000}[n%3]))
		if n%10 == 9 {
			l.back(&r)
		}
	}
	t.Logf("back at work after %s at most", r.worst)
	l.quiesce(time.Minute)
	other.terminate(10 * time.Second)
	l.flat(w)
	l.finish(0)
}

// TestAdministratorsLock lets a person hold locks in an open transaction: on rows being sent, beyond their
// lease, so that the sweep meets the lock too, and on the whole table.
func TestAdministratorsLock(t *testing.T) {
	t.Parallel() // it mostly waits
	for _, lock := range []struct {
		name, sql string
		othersGo  bool
	}{
		{"rows", `SELECT id FROM subMsgList WHERE sendStatus = 'sending' LIMIT 3 FOR UPDATE SKIP LOCKED`, true},
		{"an edit", `UPDATE subMsgList SET page = 'pages/edited' WHERE sendStatus = 'sending' AND
			id IN (SELECT id FROM subMsgList WHERE sendStatus = 'sending' LIMIT 3 FOR UPDATE SKIP LOCKED)`, true},
		{"the table", `LOCK subMsgList IN ACCESS EXCLUSIVE MODE`, false},
	} {
		t.Run(lock.name, func(t *testing.T) {
			l := newLab(t, fakewechat.Options{Latency: 20 * time.Millisecond})
			l.start()
			l.start()
			var r recovery
			for range max(1, *cycles/60) {
				l.load(100)
				release := l.hold(lock.sql)
				overdue := func() bool {
					return l.count(`sendStatus = 'sending' AND leaseUntil < now()`) > 0
				}
				if lock.othersGo {
					l.within(20*time.Second, "a locked row is past its lease", overdue)
					l.keep(400)
					l.progress(200)
				} else {
					time.Sleep(lease)
				}
				release()
				total.inject("lock held by a person on "+lock.name, 1)
				l.back(&r)
				if took := l.within(20*time.Second, "what was locked is settled",
					func() bool { return !overdue() }); took > soon {
					t.Errorf("%s after the lock was gone its rows were settled", took)
				}
			}
			t.Logf("back at work after %s at most", r.worst)
			l.finish(0)
		})
	}
}

// hold opens a transaction that locks the table or at least one row; release commits it.
func (l *lab) hold(sql string) (release func()) {
	l.t.Helper()
	conn, err := pgx.Connect(context.Background(), l.admin.Config().ConnString())
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close(context.Background()) })
	do := func(sql string) pgconn.CommandTag {
		tag, err := conn.Exec(context.Background(), sql)
		if err != nil {
			l.t.Fatalf("%s: %v", sql, err)
		}
		return tag
	}
	do("BEGIN")
	l.within(20*time.Second, "something is locked", func() bool {
		tag := do(sql)
		return tag.RowsAffected() > 0 || tag.String() == "LOCK TABLE"
	})
	return func() {
		do("COMMIT")
		conn.Close(context.Background())
	}
}

// TestTooManyConnections lets others take every connection that the server has, those of a replica too.
func TestTooManyConnections(t *testing.T) {
	few := pgembed.Config{Test: true, Settings: map[string]string{"max_connections": "16"}}
	server, err := pgembed.Start(t.Context(), few)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if err := migrations.Up(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	l := newLabOn(t, server.URL(), fakewechat.Options{Latency: 5 * time.Millisecond})
	l.by("application_name=submsg")
	w := l.start()
	var r recovery
	for range max(2, *cycles/20) {
		l.load(200)
		full := strings.Count(w.log.String(), "53300")
		hogs := l.hog(func() bool { return strings.Count(w.log.String(), "53300") > full })
		for _, c := range hogs {
			c.Close(t.Context())
		}
		l.back(&r)
		total.inject("too many connections", 1)
	}
	t.Logf("back at work after %s at most", r.worst)
	l.flat(w)
	l.finish(0)
}

// hog takes connections until submsg has none, nobody gets one, and submsg has said what it lacks.
func (l *lab) hog(said func() bool) (hogs []*pgx.Conn) {
	l.t.Helper()
	l.within(30*time.Second, "all connections are taken", func() bool {
		c, err := pgx.Connect(context.Background(), l.admin.Config().ConnString())
		if err == nil {
			hogs = append(hogs, c)
			return false
		}
		n, err := hogs[0].Exec(context.Background(), strings.Replace(terminateSQL, "$1", "1000", 1))
		if err != nil || n.RowsAffected() != 1 {
			l.t.Fatal(err)
		}
		var left int
		const leftSQL = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'submsg'`
		if err := hogs[0].QueryRow(context.Background(), leftSQL).Scan(&left); err != nil {
			l.t.Fatal(err)
		}
		return left == 0 && said()
	})
	return hogs
}

// TestReadOnly makes the database read-only for new sessions, as a demotion does that nobody told submsg of, and back.
// The sessions made meanwhile would stay read-only for ever.
func TestReadOnly(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	l.by("application_name=submsg")
	w := l.start()
	database := pgx.Identifier{l.admin.Config().ConnConfig.Database}.Sanitize()
	var r recovery
	for range max(2, *cycles/10) {
		l.load(200)
		refused := strings.Count(w.log.String(), "25006")
		l.exec(`ALTER DATABASE ` + database + ` SET default_transaction_read_only = on`)
		l.number(terminateSQL, 1000)
		l.within(20*time.Second, "the replica meets the read-only database", func() bool {
			return strings.Count(w.log.String(), "25006") > refused
		})
		l.exec(`ALTER DATABASE ` + database + ` RESET default_transaction_read_only`)
		l.back(&r)
		total.inject("database read-only", 1)
	}
	t.Logf("back at work after %s at most", r.worst)
	l.flat(w)
	l.finish(0)
}

// TestTimeouts gives submsg's sessions timeouts that a lock on the table, held for longer again and again, makes them
// hit.
func TestTimeouts(t *testing.T) {
	for _, timeout := range []struct{ setting, code string }{
		{"statement_timeout=100ms", "57014"}, // no statement takes that long without a lock, on a busy machine either
		{"lock_timeout=10ms", "55P03"},
	} {
		t.Run(timeout.setting, func(t *testing.T) {
			l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
			l.by(timeout.setting)
			w := l.start()
			var r recovery
			for range max(5, *cycles/12) {
				l.load(200)
				release := l.hold(`LOCK subMsgList IN ACCESS EXCLUSIVE MODE`)
				time.Sleep(time.Duration(150+l.dice.IntN(200)) * time.Millisecond)
				// On a busy machine, the worker may not have come by yet.
				l.within(10*time.Second, "SQLSTATE "+timeout.code+" comes", func() bool {
					return w.says("SQLSTATE " + timeout.code)
				})
				release()
				total.inject(timeout.setting+" hit", 1)
				l.back(&r)
			}
			t.Logf("back at work after %s at most", r.worst)
			l.flat(w)
			l.finish(0)
		})
	}
}
