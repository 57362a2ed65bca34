package migrations_test

import (
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// A column more must not hold up an application: the table is neither written anew nor read through, and its rows belong to no
// trace, not even to that of the session that migrates.
func TestTraceLeavesRowsAlone(t *testing.T) {
	found, err := fs.Glob(migrations.FS, "*_trace.up.sql")
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	number, _, _ := strings.Cut(found[0], "_")
	version, err := strconv.Atoi(number)
	must(t, err)
	url := pgtest.Empty(t)
	must(t, migrations.Up(t.Context(), url))
	must(t, migrations.Down(t.Context(), url, migrations.Latest()-version+1))
	conn := connect(t, url)
	_, err = conn.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId) SELECT 'o', 't' FROM generate_series(1, 100)`)
	must(t, err)
	type table struct {
		File  int64 // which it is stored in
		Reads int64 // through, as the session that migrates counts them
	}
	state := func() (now table) {
		t.Helper()
		must(t, conn.QueryRow(t.Context(), `SELECT pg_relation_filenode('subMsgList')::bigint`).Scan(&now.File))
		must(t, conn.QueryRow(t.Context(), `SELECT pg_stat_get_xact_numscans('subMsgList'::regclass)`).Scan(&now.Reads))
		return now
	}
	_, err = conn.Exec(t.Context(), `BEGIN; SET LOCAL submsg.traceparent = 'the session''s own'`)
	must(t, err)
	before := state()
	up, err := fs.ReadFile(migrations.FS, found[0])
	must(t, err)
	_, err = conn.Exec(t.Context(), string(up))
	must(t, err)
	if after := state(); after != before {
		t.Errorf("the table was %+v and is %+v", before, after)
	}
	var traced int
	must(t, conn.QueryRow(t.Context(), `SELECT count(traceparent) FROM subMsgList`).Scan(&traced))
	if traced > 0 {
		t.Errorf("%d old rows have a traceparent", traced)
	}
	if scans := state().Reads; scans == before.Reads {
		t.Error("reading the table through isn't counted: this test sees nothing")
	}
}
