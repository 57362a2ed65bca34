package migrations_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// example is the numbered file by which README.md adds the column traceparent.
func example(t *testing.T) (up, down string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	must(t, err)
	block := regexp.MustCompile("(?s)```sql\n(.*?-- migrations/\\S+_trace.down.sql\n)(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("README.md has no example")
	}
	return string(block[1]), string(block[2])
}

// A column more must not hold up an application: the table is neither written anew nor read through, and its old rows
// belong to no trace, not even to that of the session that migrates.
func TestColumnLeavesRowsAlone(t *testing.T) {
	t.Parallel()
	add, drop := example(t)
	without := next(t, nil, [2]string{drop, add})
	with := next(t, nil, [2]string{drop, add}, [2]string{add, drop})
	url := pgtest.DB(t)
	must(t, migrations.Migrator{URL: url}.With(without).Up(t.Context()))
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
	if traced := one[int](t, conn, `SELECT count(traceparent) FROM subMsgList`); traced > 0 {
		t.Errorf("%d old rows have a traceparent", traced)
	}
	if scans := state().Reads; scans == before.Reads {
		t.Error("reading the table through isn't counted: this test sees nothing")
	}
	exec(t, conn, `ROLLBACK`)
	must(t, migrations.Migrator{URL: url}.With(with).Up(t.Context()))
	must(t, migrations.Migrator{URL: url}.With(with).Down(t.Context(), 2))
	must(t, migrations.Up(t.Context(), url))
}
