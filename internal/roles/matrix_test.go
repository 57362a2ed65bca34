package roles

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// cell is one thing that a role may or may not do, and a statement that does it.
type cell struct {
	right
	sql string
}

// cells lists all there is to do with submsg's objects in the database, by its catalogue.
func cells(t *testing.T, conn *pgx.Conn) (all []cell) {
	t.Helper()
	perTable := []struct{ verb, sql string }{
		{"DELETE", "DELETE FROM %s"}, {"TRUNCATE", "TRUNCATE %s"},
		{"TRIGGER", "CREATE TRIGGER t BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"},
		{"OWNER", "ALTER TABLE %s SET (fillfactor = 90)"}, {"OWNER", "ALTER TABLE %s DISABLE TRIGGER ALL"}, {"OWNER", "DROP TABLE %s CASCADE"},
	}
	perColumn := []struct{ verb, sql string }{
		{"SELECT", "SELECT %[2]s FROM %[1]s LIMIT 1"}, {"SELECT", "SELECT count(%[2]s) FROM %[1]s"},
		{"INSERT", "INSERT INTO %[1]s (%[2]s) VALUES (DEFAULT)"}, {"UPDATE", "UPDATE %[1]s SET %[2]s = DEFAULT"},
	}
	perView := []struct{ verb, sql string }{ // none takes writes: not even its owner could
		{"SELECT", "SELECT * FROM %s LIMIT 1"}, {"OWNER", "ALTER VIEW %s SET (security_barrier = true)"}, {"OWNER", "DROP VIEW %s CASCADE"},
	}
	perSequence := []struct{ verb, sql string }{
		{"USAGE", "SELECT nextval('%[1]s')"}, {"UPDATE", "SELECT setval('%[1]s', 1)"}, {"SELECT", "SELECT last_value FROM %[1]s"},
		{"OWNER", "ALTER SEQUENCE %[1]s RESTART"},
	}
	rows, err := conn.Query(t.Context(), `SELECT relname::text, relkind::text, ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND (attnum > 0 OR attname = 'ctid'))
		FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	var name, kind string
	var columns []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &kind, &columns}, func() error {
		switch kind {
		case "S":
			for _, v := range perSequence {
				all = append(all, cell{right{"", v.verb, "SEQUENCE " + name, ""}, fmt.Sprintf(v.sql, name)})
			}
			return nil
		case "v":
			for _, v := range perView {
				all = append(all, cell{right{"", v.verb, name, ""}, fmt.Sprintf(v.sql, name)})
			}
			return nil
		}
		for _, v := range perTable {
			all = append(all, cell{right{"", v.verb, name, ""}, fmt.Sprintf(v.sql, name)})
		}
		for _, column := range columns {
			for _, v := range perColumn {
				if column == "ctid" && v.verb != "SELECT" { // nobody can
					continue
				}
				all = append(all, cell{right{"", v.verb, name, column}, fmt.Sprintf(v.sql, name, column)})
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	rows, err = conn.Query(t.Context(), `SELECT proname::text, ARRAY(SELECT CASE t WHEN 'anyelement'::regtype THEN 'NULL::orders' ELSE 'NULL::' || t::regtype END
		FROM unnest(proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &args}, func() error {
		call := fmt.Sprintf("SELECT %s(%s)", name, strings.Join(args, ", "))
		all = append(all, cell{right{"", "EXECUTE", "FUNCTION " + name, ""}, call})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return append(all, cell{right{"", "CREATE", "SCHEMA", ""}, "CREATE TABLE public.mine ()"})
}

// allowed tells whether the table of grants has a cell, for its role or for everybody.
func allowed(r right) bool {
	should := rights(grants)
	for _, role := range []string{r.role, public} {
		if slices.Contains(should, right{role, r.verb, r.on, r.column}) ||
			slices.Contains(should, right{role, r.verb, r.on, ""}) {
			return true
		}
	}
	// nextval takes USAGE or UPDATE (PostgreSQL, 9.17 Sequence Manipulation Functions).
	return r.verb == "USAGE" && slices.Contains(should, right{r.role, "UPDATE", r.on, ""})
}

// Every role, every object, every verb, every column: done for real, in a transaction that is rolled back.
func TestEveryCell(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), pgtest.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	n := Naming{Prefix: "submsg_" + strings.ToLower(rand.Text()[:8]), Schema: "public"}
	t.Cleanup(func() {
		defer conn.Close(context.Background())
		names := strings.Join(n.groups(), ", ")
		_, err := conn.Exec(context.Background(), "RESET ROLE; DROP OWNED BY "+names+"; DROP ROLE "+names)
		if err != nil {
			t.Error(err)
		}
	})
	if _, err := conn.Exec(t.Context(), n.SQL()); err != nil {
		t.Fatal(err)
	}
	tally := map[bool]int{}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range cells(t, conn) {
				c.role = g.name
				err := tryAs(t, conn, n.role(g.name), c.sql)
				want := allowed(c.right)
				tally[want]++
				if got := permitted(t, c.sql, err); got != want {
					t.Errorf("%s: allowed %t, want %t (%v)", c.sql, got, want, err)
				}
			}
		})
	}
	if tally[true] < 100 || tally[false] < 500 {
		t.Errorf("only %v cells", tally)
	}
}

// tryAs is one savepoint.
func tryAs(t *testing.T, conn *pgx.Conn, role, sql string) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE "+role); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), sql)
	return err
}

// permitted tells a refusal from what comes after the rights: a NOT NULL or CHECK that DEFAULT doesn't meet.
func permitted(t *testing.T, sql string, err error) bool {
	t.Helper()
	var pg *pgconn.PgError
	if err != nil && !errors.As(err, &pg) {
		t.Fatal(err)
	}
	if err == nil {
		return true
	}
	switch pg.Code {
	case "42501": // insufficient_privilege
		return false
	case "23502", "23514":
		return true
	}
	// A function that was called, and wants more than NULL, or to be a trigger's.
	if strings.Contains(sql, "(NULL::") || pg.Code == "0A000" {
		return true
	}
	t.Errorf("%s: %v", sql, err)
	return false
}
