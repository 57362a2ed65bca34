package migrations_test

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// answer is a file of a function that returns this.
func answer(text string) map[string]string {
	return map[string]string{"objects/zz_answer.sql": `CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsg_answer() RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp RETURN '` + text + `';`}
}

// rowsOf is the transaction that wrote each function, view and trigger of ours last.
func rowsOf(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
SELECT 'function ' || oid::regprocedure::text, xmin::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION ALL SELECT 'view ' || relname, xmin::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'v'
UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass, xmin::text FROM pg_trigger WHERE NOT tgisinternal`)
	must(t, err)
	all := map[string]string{}
	var name, xmin string
	_, err = pgx.ForEachRow(rows, []any{&name, &xmin}, func() error { all[name] = xmin; return nil })
	must(t, err)
	return all
}

// A file is applied again when its text has changed, and nothing else is touched then.
func TestOnlyChangedFilesAreApplied(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	conn := connect(t, url)
	before := rowsOf(t, conn)
	must(t, migrations.Up(t.Context(), url))
	if diff := cmp.Diff(before, rowsOf(t, conn)); diff != "" {
		t.Errorf("the same build again (-before +after):\n%s", diff)
	}
	migrator := migrations.Migrator{URL: url}
	for _, text := range []string{"first", "second"} {
		must(t, migrator.With(edited(t, answer(text))).Up(t.Context()))
		if got := one[string](t, conn, `SELECT subMsg_answer()`); got != text {
			t.Errorf("the function says %q", got)
		}
		after := rowsOf(t, conn)
		delete(after, "function submsg_answer()")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("others were touched (-before +after):\n%s", diff)
		}
	}
	must(t, migrations.Up(t.Context(), url)) // of the same version, without that file
	if n := one[int](t, conn, `SELECT count(*) FROM subMsgObject WHERE file = 'objects/zz_answer.sql'`); n != 0 {
		t.Error("a file that is gone is still noted")
	}
}

// Only who knows the newest version applies objects: whoever is older never puts his own back.
func TestOlderNeverPutsOlderBack(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	conn := connect(t, url)
	old := migrations.Migrator{URL: url}.With(edited(t, answer("old")))
	new := migrations.Migrator{URL: url}.With(next(t, answer("new"), priority))
	must(t, old.Up(t.Context()))
	must(t, new.Up(t.Context()))
	must(t, old.Up(t.Context()))
	if got := one[string](t, conn, `SELECT subMsg_answer()`); got != "new" {
		t.Errorf("the function is the %s one", got)
	}
	must(t, migrations.Check(t.Context(), conn)) // the old one works with it

	must(t, new.Down(t.Context(), 1)) // and may put back its own when the new version is taken back
	state, err := migrations.StateOf(t.Context(), conn)
	must(t, err)
	must(t, state.CheckTables())
	wantMismatch(t, state.Check(), 0, "submsg migrate up")
	must(t, old.Up(t.Context()))
	if got := one[string](t, conn, `SELECT subMsg_answer()`); got != "old" {
		t.Errorf("the function is the %s one", got)
	}
	must(t, migrations.Check(t.Context(), conn))
}

// The new submsg's serve waits for the objects of its version, not only for its tables.
func TestKilledBeforeTheObjects(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	conn := connect(t, url)
	broken := map[string]string{"objects/wake.sql": "SELECT 1/0;"}
	maps.Copy(broken, answer("new"))
	files := next(t, answer("new"), priority)
	err := migrations.Migrator{URL: url}.With(next(t, broken, priority)).Up(t.Context())
	wantError(t, err, "objects/wake.sql: ERROR: division by zero")
	err = migrations.CheckWith(t.Context(), conn, files)
	wantMismatch(t, err, migrations.Latest(), "functions, views and triggers are of version")
	must(t, migrations.Check(t.Context(), conn)) // this one works on
	if n := one[int](t, conn, `SELECT count(*) FROM pg_proc WHERE proname = 'submsg_answer'`); n != 0 {
		t.Error("some of the objects were applied, and some not")
	}
	must(t, migrations.Migrator{URL: url}.With(files).Up(t.Context()))
	must(t, migrations.CheckWith(t.Context(), conn, files))
}

// A kill in the midst of the objects leaves those of before, all of them.
func TestKilledAmidTheObjects(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	conn := connect(t, url)
	before := rowsOf(t, conn)
	const kill = `SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid());`
	first := answer("x")["objects/zz_answer.sql"]
	files := edited(t, map[string]string{"objects/a_first.sql": first, "objects/zz_kill.sql": kill})
	if err := (migrations.Migrator{URL: url}).With(files).Up(t.Context()); err == nil {
		t.Fatal("it wasn't killed")
	}
	if diff := cmp.Diff(before, rowsOf(t, conn)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	must(t, migrations.Check(t.Context(), conn))
	files = edited(t, map[string]string{"objects/a_first.sql": first})
	must(t, migrations.Migrator{URL: url}.With(files).Up(t.Context()))
	if got := one[string](t, conn, `SELECT subMsg_answer()`); got != "x" {
		t.Errorf("the function says %q", got)
	}
}

// A way down that ends before the tables are gone leaves nothing that the next up doesn't mend.
func TestKilledOnTheWayDown(t *testing.T) {
	t.Parallel()
	url := pgtest.DBWithoutOrders(t)
	want := snapshot(t, url)
	downs, err := fs.Glob(migrations.FS, fmt.Sprintf("%04d_*.down.sql", migrations.Latest()))
	must(t, err)
	files := edited(t, map[string]string{downs[0]: "SELECT 1/0;"})
	wantError(t, migrations.Migrator{URL: url}.With(files).Down(t.Context(), -1), "division by zero")
	wantMismatch(t, migrations.Check(t.Context(), connect(t, url)), 0, "have yet to be applied")
	must(t, migrations.Up(t.Context(), url))
	if diff := cmp.Diff(want, snapshot(t, url)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// An error tells the file and its line.
func TestErrorTellsTheLine(t *testing.T) {
	t.Parallel()
	files := edited(t, map[string]string{"objects/zz.sql": "SELECT '中文';\n\nSELECT * FROM nowhere;"})
	wantError(t, migrations.Migrator{URL: pgtest.DB(t)}.With(files).Up(t.Context()), "objects/zz.sql:3: ")
}

// What the files say that they make is what the database has: Down reads the names from them.
func TestMadeNames(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.DBWithoutOrders(t))
	for kind, query := range map[string]string{
		"function": `SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace`,
		"view":     `SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('v', 'm')`,
		"trigger":  `SELECT DISTINCT tgname::text FROM pg_trigger WHERE NOT tgisinternal`,
	} {
		rows, err := conn.Query(t.Context(), query)
		must(t, err)
		have, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		names, err := migrations.Made(kind)
		must(t, err)
		slices.Sort(have)
		if diff := cmp.Diff(have, names); diff != "" || len(names) < 3 {
			t.Errorf("%ss (-in the database +in the files):\n%s", kind, diff)
		}
	}
}

// A rule's trigger on a shop's table lives as long as the rules do, and goes with them.
func TestRuleSurvivesAPartialDown(t *testing.T) {
	t.Parallel()
	url := pgtest.DBWithoutOrders(t)
	conn := connect(t, url)
	exec(t, conn, `CREATE SCHEMA shop; CREATE TABLE shop.sales (id int PRIMARY KEY, openid text, goods text, f boolean DEFAULT false);
		INSERT INTO shop.sales VALUES (1, 'o1', 'g'); SELECT submsg_watch('shop.sales', 't', 'openid', '{goods}', flag => 'f', name => 'sale')`)
	sell := func() (messages int) {
		t.Helper()
		exec(t, conn, `DELETE FROM subMsgList; UPDATE shop.sales SET f = true`)
		if one[bool](t, conn, `SELECT f FROM shop.sales`) {
			t.Error("the flag wasn't reset")
		}
		return one[int](t, conn, `SELECT count(*) FROM subMsgList WHERE openid = 'o1' AND parameterArr = '{g}'`)
	}
	migrator := migrations.Migrator{URL: url}.With(next(t, nil, priority))
	must(t, migrator.Up(t.Context()))
	must(t, migrator.Down(t.Context(), 1))
	if n := sell(); n != 1 {
		t.Errorf("%d messages after a step down", n)
	}
	must(t, migrations.Up(t.Context(), url))
	if n := sell(); n != 1 {
		t.Errorf("%d messages after that and up", n)
	}
	must(t, migrations.Down(t.Context(), url, -1))
	exec(t, conn, `UPDATE shop.sales SET f = true`)
	if n := one[int](t, conn, `SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal`); n != 0 {
		t.Errorf("%d triggers are left", n)
	}
}
