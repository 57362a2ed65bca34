package migrations_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Everything that the catalogue knows of the first schema on the path, one line an object: the same on every version of
// Postgres.
const snapshotSQL = `
SELECT line FROM (
    SELECT format('column %s.%s %s%s default %s identity %s: %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), a.attidentity,
        col_description(c.oid, a.attnum))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> $1
  UNION ALL
    SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = quote_ident(current_schema())::regnamespace AND contype <> 'n' AND conrelid IS DISTINCT FROM to_regclass($1)
  UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> $1
  UNION ALL
    SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
    SELECT pg_get_functiondef(oid) || coalesce(array_to_string(proacl, ','), 'public')
    FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace
  UNION ALL
    SELECT format('%s %s: %s %s', relkind, relname, obj_description(oid, 'pg_class'),
        regexp_replace(array_to_string(relacl, ','), '\w+=[^,]*/\w+,?', ''))
    FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'S', 'v') AND relname <> $1
  UNION ALL
    SELECT format('type %s', typname) FROM pg_type
    WHERE typnamespace = quote_ident(current_schema())::regnamespace AND typname NOT IN ($1, '_' || $1)
) AS s (line) ORDER BY line COLLATE "C"`

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// one reads a single value.
func one[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (v T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func snapshot(t *testing.T, url string) []string {
	t.Helper()
	return snapshotOf(t, connect(t, url))
}

func snapshotOf(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), snapshotSQL, migrations.VersionTable)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("error = %v, want one that says %q", err, words)
	}
}

// edited is the files of this submsg with some others in place of them, or beside; "" takes one away.
func edited(t *testing.T, edits map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	must(t, fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var text []byte
			text, err = fs.ReadFile(migrations.FS, path)
			files[path] = &fstest.MapFile{Data: text}
		}
		return err
	}))
	for path, text := range edits {
		files[path] = &fstest.MapFile{Data: []byte(text)}
		if text == "" {
			delete(files, path)
		}
	}
	return files
}

// next is the files of the submsg after this one: numbered files more, by their up and down, and edits.
func next(t *testing.T, edits map[string]string, numbered ...[2]string) fstest.MapFS {
	t.Helper()
	edits = maps.Clone(edits)
	if edits == nil {
		edits = map[string]string{}
	}
	for i, updown := range numbered {
		name := fmt.Sprintf("%04d_next", migrations.Latest()+1+i)
		edits[name+".up.sql"], edits[name+".down.sql"] = updown[0], updown[1]
	}
	return edited(t, edits)
}

// priority is a column more.
var priority = [2]string{
	`ALTER TABLE subMsgList ADD COLUMN priority integer NOT NULL DEFAULT 0;`,
	`ALTER TABLE subMsgList DROP COLUMN priority CASCADE;`,
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	for _, orders := range []bool{false, true} {
		url := pgtest.Empty(t)
		migrator := migrations.Migrator{URL: url, Orders: orders}
		must(t, migrator.Up(t.Context()))
		up := snapshot(t, url)
		if len(up) < 50 {
			t.Fatalf("only %d objects: %q", len(up), up)
		}
		must(t, migrator.Down(t.Context(), -1))
		if left := snapshot(t, url); len(left) > 0 {
			t.Errorf("left after down: %q", left)
		}
		must(t, migrator.Up(t.Context()))
		if diff := cmp.Diff(up, snapshot(t, url)); diff != "" {
			t.Errorf("up, down, up differs from up (-want +got):\n%s", diff)
		}
	}
}

func TestEachDownTakesItsOwnUpBack(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	conn := connect(t, url)
	for want := migrations.Latest() - 1; want >= 0; want-- {
		must(t, migrations.Down(t.Context(), url, 1))
		have, err := migrations.StateOf(t.Context(), conn)
		if have.Version != want || have.Objects != 0 || err != nil {
			t.Fatalf("at version %+v, %v; want %d", have, err, want)
		}
		if cut, err := migrations.Unfinished(t.Context(), conn); cut || err != nil {
			t.Fatalf("at version %d: cut off %t, %v", want, cut, err)
		}
	}
	must(t, migrations.Down(t.Context(), url, 1)) // nothing left: no error
	if left := snapshot(t, url); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// From wherever somebody has gone back to, up leads to the same.
func TestUpFromEachVersion(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	want := snapshot(t, url)
	for back := 1; back <= migrations.Latest(); back++ {
		must(t, migrations.Down(t.Context(), url, back))
		must(t, migrations.Migrator{URL: url, Orders: true}.Up(t.Context()))
		if diff := cmp.Diff(want, snapshot(t, url)); diff != "" {
			t.Errorf("%d back and up (-want +got):\n%s", back, diff)
		}
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations.FS, "*.sql")
	must(t, err)
	for i := 1; i <= migrations.Latest(); i++ {
		for _, dir := range []string{"up", "down"} {
			if m, _ := fs.Glob(migrations.FS, fmt.Sprintf("%04d_*.%s.sql", i, dir)); len(m) != 1 {
				t.Errorf("version %d has %d %s files", i, len(m), dir)
			}
		}
	}
	if len(files) != 2*migrations.Latest() {
		t.Errorf("%d files for %d versions", len(files), migrations.Latest())
	}
}

func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	var all sync.WaitGroup
	migrator := migrations.Migrator{URL: url, Schema: "many at once", Orders: true}
	for range 8 {
		all.Go(func() {
			if err := migrator.Up(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	conn := connect(t, url)
	exec(t, conn, `SET search_path = "many at once"`)
	must(t, migrations.Check(t.Context(), conn))
	if n := one[int](t, conn, `SELECT count(DISTINCT applied) FROM subMsgObject WHERE file LIKE 'objects/%'`); n != 1 {
		t.Errorf("the objects were applied %d times", n)
	}
}

// A kill leaves "dirty" behind, before or after the file was applied; only the comment knows which.
func TestKilledMigrationIsResumed(t *testing.T) {
	t.Parallel()
	latest := migrations.Latest()
	for _, tt := range []struct {
		name    string
		reached int
		dirty   int
	}{
		{"up, file not applied", latest - 1, latest},
		{"up, file applied", latest, latest},
		{"down, file not applied", latest, latest - 1},
		{"down, file applied", latest - 1, latest - 1},
		{"first up, file not applied", 0, 1},
		{"first up, file applied", 1, 1},
		{"first down, file not applied", 1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.Empty(t)
			must(t, migrations.Up(t.Context(), url))
			want := snapshot(t, url)
			must(t, migrations.Down(t.Context(), url, latest-tt.reached))
			conn := connect(t, url)
			exec(t, conn, `DELETE FROM `+migrations.VersionTable)
			exec(t, conn, `INSERT INTO `+migrations.VersionTable+` VALUES ($1, true)`, tt.dirty)
			state, err := migrations.StateOf(t.Context(), conn)
			must(t, err)
			// The schema itself is never half of one.
			if err := state.CheckTables(); (err == nil) != (tt.reached == latest) {
				t.Errorf("CheckTables: %v", err)
			}
			if cut, err := migrations.Unfinished(t.Context(), conn); !cut || err != nil {
				t.Errorf("cut off: %t, %v", cut, err)
			}
			must(t, migrations.Up(t.Context(), url))
			if diff := cmp.Diff(want, snapshot(t, url)); diff != "" {
				t.Errorf("resumed (-want +got):\n%s", diff)
			}
			must(t, migrations.Check(t.Context(), conn))
			if cut, err := migrations.Unfinished(t.Context(), conn); cut || err != nil {
				t.Errorf("still cut off: %t, %v", cut, err)
			}
		})
	}
}

func TestOwnVersionTable(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	conn := connect(t, url)
	exec(t, conn, `CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean); INSERT INTO schema_migrations VALUES (42, false)`)
	must(t, migrations.Up(t.Context(), url))
	if version := one[int](t, conn, `SELECT version FROM schema_migrations`); version != 42 {
		t.Errorf("the application's own schema_migrations is at %d now", version)
	}
}
