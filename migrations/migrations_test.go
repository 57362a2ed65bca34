package migrations_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var update = flag.Bool("update", false, "write schema.sql anew, with pg_dump")

// Everything that the catalogue knows of our schema, one line an object: the same on every version of Postgres.
const snapshotSQL = `
SELECT line FROM (
    SELECT format('column %s.%s %s%s default %s identity %s: %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), a.attidentity,
        col_description(c.oid, a.attnum))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> $1
  UNION ALL
    SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> $1::regclass
  UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> $1
  UNION ALL
    SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
    SELECT pg_get_functiondef(oid) || coalesce(array_to_string(proacl, ','), 'public') FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL
    SELECT format('%s %s: %s %s', relkind, relname, obj_description(oid, 'pg_class'), regexp_replace(array_to_string(relacl, ','), '\w+=[^,]*/\w+,?', ''))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v') AND relname <> $1
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

func snapshot(t *testing.T, url string) []string {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), snapshotSQL, migrations.VersionTable)
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

func TestUpDownUp(t *testing.T) {
	url := pgtest.Empty(t)
	must(t, migrations.Up(t.Context(), url))
	up := snapshot(t, url)
	if len(up) < 50 {
		t.Fatalf("only %d objects: %q", len(up), up)
	}
	must(t, migrations.Down(t.Context(), url, -1))
	if left := snapshot(t, url); len(left) > 0 {
		t.Errorf("left after down: %q", left)
	}
	must(t, migrations.Up(t.Context(), url))
	if diff := cmp.Diff(up, snapshot(t, url)); diff != "" {
		t.Errorf("up, down, up differs from up (-want +got):\n%s", diff)
	}
}

func TestEachDownTakesItsOwnUpBack(t *testing.T) {
	url := pgtest.Empty(t)
	must(t, migrations.Up(t.Context(), url))
	conn := connect(t, url)
	for want := migrations.Latest() - 1; want >= 0; want-- {
		must(t, migrations.Down(t.Context(), url, 1))
		have, err := migrations.StateOf(t.Context(), conn)
		if have.Version != want || err != nil {
			t.Fatalf("at version %d, %v; want %d", have.Version, err, want)
		}
		if cut, err := migrations.Unfinished(t.Context(), conn); cut || err != nil {
			t.Fatalf("at version %d: cut off %t, %v", want, cut, err)
		}
	}
	must(t, migrations.Down(t.Context(), url, 1)) // nothing left: no error
}

func TestPairs(t *testing.T) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	must(t, err)
	for i := 1; i <= migrations.Latest(); i++ {
		for _, dir := range []string{"up", "down"} {
			if m, _ := fs.Glob(migrations.FS, fmt.Sprintf("%06d_*.%s.sql", i, dir)); len(m) != 1 {
				t.Errorf("version %d has %d %s files", i, len(m), dir)
			}
		}
	}
	if len(files) != 2*migrations.Latest() {
		t.Errorf("%d files for %d versions", len(files), migrations.Latest())
	}
}

func TestManyMigrateAtOnce(t *testing.T) {
	url := pgtest.Empty(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := migrations.Up(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	must(t, migrations.Check(t.Context(), connect(t, url)))
}

// A kill leaves "dirty" behind, before or after the file was applied; only the comment knows which.
func TestKilledMigrationIsResumed(t *testing.T) {
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
		{"first down, file not applied", 1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.Empty(t)
			must(t, migrations.Up(t.Context(), url))
			want := snapshot(t, url)
			must(t, migrations.Down(t.Context(), url, latest-tt.reached))
			conn := connect(t, url)
			_, err := conn.Exec(t.Context(), `DELETE FROM `+migrations.VersionTable)
			must(t, err)
			_, err = conn.Exec(t.Context(), `INSERT INTO `+migrations.VersionTable+` VALUES ($1, true)`, tt.dirty)
			must(t, err)
			if err := migrations.Check(t.Context(), conn); (err == nil) != (tt.reached == latest) { // the schema itself is never half of one
				t.Errorf("Check: %v", err)
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
	url := pgtest.Empty(t)
	conn := connect(t, url)
	_, err := conn.Exec(t.Context(), `CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean); INSERT INTO schema_migrations VALUES (42, false)`)
	must(t, err)
	must(t, migrations.Up(t.Context(), url))
	var version int
	must(t, conn.QueryRow(t.Context(), `SELECT version FROM schema_migrations`).Scan(&version))
	if version != 42 {
		t.Errorf("the application's own schema_migrations is at %d now", version)
	}
}

func TestAnotherSchema(t *testing.T) {
	url := pgtest.Empty(t)
	conn := connect(t, url)
	_, err := conn.Exec(t.Context(), `CREATE SCHEMA "Shop"; ALTER DATABASE `+pgx.Identifier{conn.Config().Database}.Sanitize()+` SET search_path = "Shop"`)
	must(t, err)
	must(t, migrations.Up(t.Context(), url))
	shop := connect(t, url)
	_, err = shop.Exec(t.Context(), `SET search_path = pg_catalog;
		INSERT INTO "Shop".orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2);
		UPDATE "Shop".orders SET isSendMsg = true`)
	must(t, err)
	var n int
	must(t, shop.QueryRow(t.Context(), `SELECT count(*) FROM "Shop".subMsgList`).Scan(&n))
	if n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

var unstable = regexp.MustCompile(`(?m)^(-- Dumped .*|-- PostgreSQL database dump.*|\\(un)?restrict .*|SET [^c].*;|SET client.*;|SELECT pg_catalog.set_config.*|--)\n`)

func TestSchemaFile(t *testing.T) {
	url := pgtest.Empty(t)
	must(t, migrations.Up(t.Context(), url))
	if *update {
		dump(t, url)
	}
	schema, err := os.ReadFile("schema.sql")
	must(t, err)
	loaded := pgtest.Empty(t)
	conn := connect(t, loaded)
	if conn.PgConn().ParameterStatus("server_version") < "15" { // which is when views learned it
		schema = bytes.ReplaceAll(schema, []byte(" WITH (security_invoker='true')"), nil)
	}
	_, err = conn.Exec(t.Context(), "CREATE TABLE "+migrations.VersionTable+"();"+string(schema))
	must(t, err)
	if diff := cmp.Diff(snapshot(t, url), snapshot(t, loaded)); diff != "" {
		t.Errorf("schema.sql isn't what the migrations make; write it anew with go test ./migrations -update (-migrations +schema.sql):\n%s", diff)
	}
}

func dump(t *testing.T, url string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(pgtest.Server(t).BinDir(), "pg_dump"), "--schema-only", "--no-owner", "--exclude-table="+migrations.VersionTable, url)
	out, err := cmd.Output()
	must(t, err)
	out = unstable.ReplaceAll(out, nil)
	out = regexp.MustCompile(`\n{3,}`).ReplaceAll(out, []byte("\n\n"))
	out = append([]byte("-- The schema that the migrations beside make, as pg_dump shows it. Written by: go test ./migrations -update\n"), bytes.TrimLeft(out, "\n")...)
	must(t, os.WriteFile("schema.sql", out, 0o644))
}
