package attacks

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
