package roles_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/roles"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// db is a test's database with roles of its own: roles are the server's, so their prefix is random.
type db struct {
	*pgx.Conn // as the owner of everything
	t         *testing.T
	url       string
	names     roles.Naming
}

func newDB(t *testing.T) *db {
	t.Helper()
	return newDBIn(t, pgtest.DB(t), "public")
}

// newDBIn is newDB where submsg lives in another schema.
func newDBIn(t *testing.T, url, schema string) *db {
	t.Helper()
	names := roles.Naming{Prefix: "submsg_" + strings.ToLower(rand.Text()[:8]), Schema: schema}
	d := &db{pgtest.Connect(t, url), t, url, names}
	t.Cleanup(d.dropRoles)
	d.exec(d.names.SQL())
	return d
}

// dropRoles drops every role of the prefix, which the server would keep.
func (d *db) dropRoles() {
	conn, err := pgx.Connect(context.Background(), d.url)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), `SET search_path = pg_catalog; -- not what the test made in public
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE '`+d.names.Prefix+`%';
DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE '`+d.names.Prefix+`%' LOOP
		EXECUTE format('REASSIGN OWNED BY %1$I TO CURRENT_USER', r);
		EXECUTE format('DROP OWNED BY %1$I CASCADE', r);
		EXECUTE format('DROP ROLE %1$I', r);
	END LOOP;
END $$`)
	if err != nil {
		d.t.Errorf("drop the roles: %v", err)
	}
}

func (d *db) role(name string) string { return d.names.Prefix + "_" + name }

// named writes the test's names for the roles into sql: @app is submsg_app.
func (d *db) named(sql string) string { return strings.ReplaceAll(sql, "@", d.names.Prefix+"_") }

func (d *db) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.Exec(d.t.Context(), d.named(sql), args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

// as does sql as a role, in a transaction that is rolled back.
func (d *db) as(role, sql string, args ...any) error {
	d.t.Helper()
	tx, err := d.Begin(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(d.t.Context(), "SET LOCAL ROLE "+d.role(role)); err != nil {
		d.t.Fatal(err)
	}
	_, err = tx.Exec(d.t.Context(), d.named(sql), args...)
	return err
}

// one reads a single value.
func one[T any](d *db, sql string, args ...any) (v T) {
	d.t.Helper()
	if err := d.QueryRow(d.t.Context(), sql, args...).Scan(&v); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

const denied = "42501" // insufficient_privilege
