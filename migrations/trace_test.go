package migrations_test

import (
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// A column more must not hold up an application: the table is neither written anew nor read through, and its old rows
// belong to no trace, not even to that of the session that migrates. traceparent is the example, and its default the
// trap: the next submsg adds a column as it was once added.
func TestColumnLeavesRowsAlone(t *testing.T) {
	const add = `ALTER TABLE subMsgList ADD COLUMN later text;
ALTER TABLE subMsgList ALTER COLUMN later SET DEFAULT nullif(current_setting('submsg.traceparent', true), '');`
	must := func(err error) { t.Helper(); must(t, err) }
	url := pgtest.DB(t)
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO subMsgList (openid, templateId) SELECT 'o', 't' FROM generate_series(1, 100)`)
	type table struct {
		File  int64 // which it is stored in
		Reads int64 // through, as the session that migrates counts them
	}
	state := func() (now table) {
		t.Helper()
		now.File = one[int64](t, conn, `SELECT pg_relation_filenode('subMsgList')::bigint`)
		now.Reads = one[int64](t, conn, `SELECT pg_stat_get_xact_numscans('subMsgList'::regclass)`)
		return now
	}
	exec(t, conn, `BEGIN; SET LOCAL submsg.traceparent = 'the session''s own'`)
	before := state()
	exec(t, conn, add)
	if after := state(); after != before {
		t.Errorf("the table was %+v and is %+v", before, after)
	}
	if traced := one[int](t, conn, `SELECT count(later) FROM subMsgList`); traced > 0 {
		t.Errorf("%d old rows have a value", traced)
	}
	if scans := state().Reads; scans == before.Reads {
		t.Error("reading the table through isn't counted: this test sees nothing")
	}
	exec(t, conn, `ROLLBACK`)
	must(migrations.Migrator{URL: url}.With(next(t, nil, [2]string{add, `ALTER TABLE subMsgList DROP COLUMN later CASCADE;`})).Up(t.Context()))
}
