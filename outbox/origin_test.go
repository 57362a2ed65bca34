package outbox_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/outbox"
)

const (
	toldCopy = "this database is a copy"
	copied   = "* infinity database-copy" // the pause of a copy
	liftAll  = `DELETE FROM subMsgPause WHERE templateId = '*'`
)

// pauses are the rows of subMsgPause, "templateId probeAt errCode errKind".
func (d *db) pauses() string {
	d.t.Helper()
	return one[string](d, `
SELECT coalesce(string_agg(
    concat_ws(' ', templateId, CASE WHEN isfinite(probeAt) THEN 'finite' ELSE probeAt::text END, errCode, errKind),
    ', ' ORDER BY templateId), '') FROM subMsgPause`)
}

// noteOrigin lets a consumer note that the messages live in this database.
func (d *db) noteOrigin() {
	d.t.Helper()
	cfg := config(d, new(channel))
	stop := run(d.t, cfg)
	eventually(d.t, "the origin is noted", func() bool { return one[int](d, `SELECT count(*) FROM subMsgOrigin`) == 1 })
	if err := stop(); err != nil {
		d.t.Error(err)
	}
	cfg.Pool.Close()
}

// A database that isn't where the messages lived before is paused as a whole, until a person lifts that; then it is
// the origin.
func TestCopyIsNoticed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, change, pauses string }{
		{"the same place", `SELECT 1`, ""},
		{"another cluster", `UPDATE subMsgOrigin SET systemIdentifier = systemIdentifier - 1`, copied},
		{"another database", `UPDATE subMsgOrigin SET databaseOid = 1`, copied},
		{"restored in place", `UPDATE subMsgOrigin SET listOid = 1`, copied},
		{"the cluster was not known", `UPDATE subMsgOrigin SET systemIdentifier = NULL`, ""},
		{"not known, another database", `UPDATE subMsgOrigin SET systemIdentifier = NULL, databaseOid = 1`, copied},
		{"no consumer was here", `DELETE FROM subMsgOrigin`, ""},
		{"everything was paused", `UPDATE subMsgOrigin SET databaseOid = 1;
			INSERT INTO subMsgPause (templateId, reason, errCode, pausedAt, probeAt)
			VALUES ('*', 'the quota', 45009, now() - interval '1 day', now()),
				('t', 'a ban', 43116, now(), now())`, copied + ", t finite 43116"},
		{"a copy of a copy", `UPDATE subMsgOrigin SET databaseOid = 1;
			INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'maintenance', 'infinity')`, copied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			d.noteOrigin()
			for sql := range strings.SplitSeq(tt.change, ";") {
				d.exec(sql)
			}
			id := d.insert(message(1))[0]
			cfg := config(d, ch)
			said := recordLog(cfg.Log.Logger)
			run(t, cfg)
			if tt.pauses == "" {
				d.eventually(id, "success")
			}
			d.asleep()
			if got := d.pauses(); got != tt.pauses || said(toldCopy) != (got != "") {
				t.Errorf("pauses %q, want %q; told: %t", got, tt.pauses, said(toldCopy))
			}
			if tt.pauses == "" {
				return
			}
			if ch.count() > 0 || d.status(id) != "wait" {
				t.Errorf("%d sent, the message is %s", ch.count(), d.status(id))
			}
			d.exec(`DELETE FROM subMsgPause`)
			d.eventually(id, "success")
			again := config(d, ch)
			run(t, again)
			d.eventually(d.insert(message(2))[0], "success")
			if got := d.pauses(); got != "" {
				t.Errorf("paused again: %s", got)
			}
		})
	}
}

// What comes back after trouble may be another database.
func TestDatabaseReplaced(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	run(t, cfg)
	d.eventually(d.insert(message(1))[0], "success")
	d.asleep()
	d.exec(`UPDATE subMsgOrigin SET databaseOid = 1`)
	d.exec(`SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	eventually(t, "noticed", func() bool { return d.pauses() == copied })
}

// The cluster is noted when it can be asked for at last.
func TestOriginCompleted(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.noteOrigin()
	d.exec(`UPDATE subMsgOrigin SET systemIdentifier = NULL`)
	run(t, config(d, new(channel)))
	eventually(t, "noted", func() bool {
		return one[bool](d, `SELECT systemIdentifier IS NOT DISTINCT
			FROM (SELECT system_identifier FROM pg_control_system()) FROM subMsgOrigin`)
	})
	if got := d.pauses(); got != "" {
		t.Errorf("paused: %s", got)
	}
}

// The pause says all that there is to know: that it is a copy, and what stood there before.
func TestCopyKeepsTheReason(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.noteOrigin()
	d.exec(`INSERT INTO subMsgPause (templateId, reason, errCode, pausedAt, probeAt, probes)
		VALUES ('*', 'the quota', 45009, '2020-01-01', now(), 7)`)
	for range 2 { // the second is a copy of the copy
		d.exec(`UPDATE subMsgOrigin SET databaseOid = 1`)
		stop := run(t, config(d, new(channel)))
		eventually(t, "noticed", func() bool { return one[bool](d, `SELECT databaseOid <> 1 FROM subMsgOrigin`) })
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	reason := one[string](d, `SELECT reason
		FROM subMsgPause WHERE probeAt = 'infinity' AND pausedAt > '2021-01-01' AND probes = 0`)
	if !strings.HasPrefix(reason, "本数据库是副本") || !strings.HasSuffix(reason, "delete this pause); the quota") ||
		strings.Count(reason, "a copy") != 1 || !strings.Contains(reason, liftAll) {
		t.Errorf("reason %q", reason)
	}
	if why, err := outbox.Stopped(t.Context(), d); why != reason || err != nil {
		t.Errorf("%q, %v; want the reason", why, err)
	}
	d.exec(`UPDATE subMsgPause SET probeAt = now()`)
	if why, err := outbox.Stopped(t.Context(), d); why != "" || err != nil {
		t.Errorf("%q, %v, though it is probed", why, err)
	}
}

// A real copy: both databases are of one cluster, and the tables in them have the same oids.
func TestCopiedDatabase(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.noteOrigin()
	d.insert(message(1))
	d.Close()
	u, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	admin := newAdmin(t, u.String())
	if _, err := admin.Exec(t.Context(), fmt.Sprintf(`CREATE DATABASE %[1]s_copy TEMPLATE %[1]s`, name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := admin.Exec(context.Background(), fmt.Sprintf(`DROP DATABASE %s_copy WITH (FORCE)`, name))
		if err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name + "_copy"
	pool, err := pgxpool.New(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	staging, ch := &db{pool, t, u.String()}, new(channel)
	run(t, config(staging, ch))
	staging.asleep()
	if got := staging.pauses(); got != copied || ch.count() > 0 {
		t.Errorf("pauses %q, %d sent", got, ch.count())
	}
}

// Of replicas that start together in a copy one tells of it, and none sends, before or after.
func TestReplicasInACopy(t *testing.T) {
	t.Parallel()
	const replicas = 4
	d, ch := newDB(t), new(channel)
	d.noteOrigin()
	d.exec(`UPDATE subMsgOrigin SET databaseOid = 1`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 100) AS n`)
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) // or its pool would not close
	if _, err := tx.Exec(t.Context(), `SELECT FROM subMsgOrigin FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var saids []func(string) bool
	for range replicas {
		cfg := config(d, ch)
		saids = append(saids, recordLog(cfg.Log.Logger))
		run(t, cfg)
	}
	waiting := func() int {
		return one[int](d, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'consumer' AND wait_event_type = 'Lock'`)
	}
	eventually(t, "all wait for the first", func() bool { return waiting() == replicas })
	if ch.count() > 0 {
		t.Errorf("%d sent by a consumer that doesn't know where it is", ch.count())
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all know", func() bool { return waiting() == 0 })
	d.asleep()
	told := func() (n int) {
		for _, said := range saids {
			if said(toldCopy) {
				n++
			}
		}
		return n
	}
	eventually(t, "one tells", func() bool { return told() > 0 }) // perhaps later than the others sleep
	if told := told(); told != 1 || ch.count() > 0 || d.pauses() != copied {
		t.Errorf("%d told, %d sent, pauses %q", told, ch.count(), d.pauses())
	}
}

// A consumer that can't find out whether it is in a copy sends nothing, and goes on by itself when it can.
func TestOriginUnknown(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`ALTER TABLE subMsgOrigin RENAME TO away`)
	cfg := config(d, ch)
	said := recordLog(cfg.Log.Logger)
	run(t, cfg)
	id := d.insert(message(1))[0]
	eventually(t, "the log tells", func() bool { return said("look whether this database is a copy") })
	if ch.count() > 0 {
		t.Errorf("%d sent", ch.count())
	}
	d.exec(`ALTER TABLE away RENAME TO subMsgOrigin`)
	d.eventually(id, "success")
}

// What was being sent when the dump was made becomes unknown while everything is paused, with its claim and without.
func TestSweepInACopy(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.noteOrigin()
	d.exec(`UPDATE subMsgOrigin SET databaseOid = 1`)
	const sending = `INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		VALUES ('o1', 't', 'sending', gen_random_uuid(), now() - interval '1 hour')`
	d.exec(sending)
	d.noteClaims()
	d.exec(sending)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter, expireTime)
		VALUES ('o1', 't', now() - interval '2 hours', now() - interval '1 hour')`)
	run(t, config(d, ch))
	d.eventually(1, "unknown")
	d.eventually(2, "unknown")
	d.eventually(3, "expired")
	if got := d.pauses(); got != copied || ch.count() > 0 {
		t.Errorf("pauses %q, %d sent", got, ch.count())
	}
}
