package attacks

import (
	"context"
	"testing"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
)

// An advisory lock is anybody's: a login without any right can hold its key for as long as it likes. So no function of
// submsg depends on one.
func TestNoFunctionTakesAnAdvisoryLock(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	taking := read[[]string](t, r.Conn, `
SELECT coalesce(array_agg(oid::regprocedure::text), '{}') FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ILIKE '%advisory%'`)
	if len(taking) > 0 {
		t.Errorf("%q take advisory locks", taking)
	}
}

// A login without any right takes the keys by which migrating processes could keep each other away, and what it gets of
// the schema. The schema is made, kept and taken back all the same, and its comment is what it was.
func TestNobodyStopsMigrations(t *testing.T) {
	t.Parallel()
	v := newVictim(t, pgtest.Empty(t))
	v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk; COMMENT ON SCHEMA public IS 'ours'`)
	library, err := database.GenerateAdvisoryLockId(v.Config().Database, "public", migrations.VersionTable)
	if err != nil {
		t.Fatal(err)
	}
	clerk := pgtest.Connect(t, v.url)
	for _, sql := range []string{v.named(`SET SESSION AUTHORIZATION @clerk`),
		`SELECT pg_advisory_lock(x'7375626d7367'::bigint), pg_advisory_lock(` + library + `)`} {
		if _, err := clerk.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{`COMMENT ON SCHEMA public IS 'his'`, `SECURITY LABEL ON SCHEMA public IS NULL`,
		`ALTER SCHEMA public RENAME TO his`, `DROP SCHEMA public`} {
		if err := try(t, clerk, sql); state(err) != denied && state(err) != "22023" { // no provider of labels
			t.Errorf("%s: %v", sql, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	mr := migrations.Migrator{URL: v.url, Tell: func(text string) { t.Errorf("it says %q", text) }}
	for _, step := range []func() error{
		func() error { return mr.Up(ctx) },
		func() error { return mr.Up(ctx) },
		func() error { return mr.Down(ctx, -1) },
	} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
	if got := texts(t, v.Conn, `SELECT obj_description('public'::regnamespace)`); got[0] != "ours" {
		t.Errorf("the schema's comment is %q", got)
	}
}

var lockModes = []string{"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
	"SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}

// Logins that may not change messages take every lock that they get, on each table and row, and the locks that anybody
// gets, and keep them. Messages are sent and retained all the same.
func TestNobodyStopsTheWorkByLocks(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	r.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, createTime, updateTime)
		SELECT 'old', 't', 'success', now() - interval '9 days', now() - interval '9 days'`)
	r.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('new', 't')`)
	for _, who := range []string{nobody, app, readonly} {
		r.takeLocks(who)
	}
	cfg := r.config(accepting{}, quiet())
	cfg.Retention = outbox.Retention{outbox.Succeeded: 24 * time.Hour}
	r.run(cfg)
	r.until(`SELECT count(*) = 1 FROM subMsgList WHERE openid = 'new' AND sendStatus = 'success'`)
	r.until(`SELECT count(*) = 0 FROM subMsgList WHERE openid = 'old'`)
	if _, err := r.as(admin).Exec(t.Context(), `UPDATE subMsgList SET sendStatus = 'wait'`); err != nil {
		t.Error(err)
	}
}

// takeLocks lets a login keep all the locks that it can get, until the test ends.
func (r *rights) takeLocks(who string) {
	r.t.Helper()
	rows, err := r.Query(r.t.Context(), `SELECT oid::regclass::text FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')`)
	if err != nil {
		r.t.Fatal(err)
	}
	relations, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		r.t.Fatal(err)
	}
	var wants []string
	for _, relation := range relations {
		for _, mode := range lockModes {
			wants = append(wants, "LOCK TABLE "+relation+" IN "+mode+" MODE NOWAIT")
		}
		for _, mode := range []string{"KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"} {
			wants = append(wants, "SELECT FROM "+relation+" FOR "+mode+" NOWAIT")
		}
	}
	// The keys that functions might use, in both sizes.
	wants = append(wants, `INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('held', 't', 'k')`,
		`SELECT pg_try_advisory_xact_lock(oid::bigint), pg_try_advisory_xact_lock(hashtext(proname)) FROM pg_proc WHERE proname LIKE 'submsg%'`,
		`SELECT pg_try_advisory_xact_lock(hashtext('subMsg_forget'), 'subMsgList'::regclass::oid::integer)`)
	conn := r.as(who)
	tx, err := conn.Begin(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, sql := range wants {
		inner, err := tx.Begin(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if _, err = inner.Exec(r.t.Context(), sql); err == nil {
			err = inner.Commit(r.t.Context())
		} else if state(err) == denied || state(err) == "55P03" || state(err) == "0A000" || state(err) == "42809" {
			err = inner.Rollback(r.t.Context())
		}
		if err != nil {
			r.t.Fatalf("%s: %s: %v", who, sql, err)
		}
	}
}
