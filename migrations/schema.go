package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CheckSchema tells whether a schema of this name can hold submsg. The files of objects/ name it in function bodies, in
// strings and in texts for format(): a name in which a character means something there is refused, so that none is ever
// escaped.
func CheckSchema(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("the schema's name is empty")
	case len(name) > 63:
		return fmt.Errorf("the schema name %q is longer than the 63 bytes that Postgres keeps of a name", name)
	case strings.HasPrefix(name, "pg_") || name == "information_schema":
		return fmt.Errorf("the schema %q is Postgres's own", name)
	case !utf8.ValidString(name) || strings.ContainsAny(name, `'"\$%`) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf(`the schema name %q can't be used: it holds ' " \ $ %% or a control character`, name)
	}
	return nil
}

const schemaSQL = `
SELECT quote_ident($1), EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
    coalesce(has_schema_privilege((SELECT oid FROM pg_namespace WHERE nspname = $1), 'CREATE'), false),
    quote_ident(current_database()), quote_ident(current_user)`

// firstSQL is the schema in which the login finds an installation, else the first on its search_path: where somebody
// makes a schema that comes before on the path, the installation stays the same one.
const firstSQL = `
SELECT coalesce((SELECT nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE c.oid = to_regclass($1)),
    current_schema())`

// place is where a migration works.
type place struct {
	name      string // of the schema
	schema    string // the same as SQL writes it
	exists    bool
	mayCreate bool // the login, in it
	database  string
	login     string
}

// find looks for the schema: the one that is named, else that of the installation which the login finds, else the first
// of its search_path.
func (mr Migrator) find(ctx context.Context, conn *pgx.Conn) (p place, err error) {
	p.name = mr.Schema
	if p.name == "" {
		var first *string
		if err := conn.QueryRow(ctx, firstSQL, VersionTable).Scan(&first); err != nil {
			return p, err
		}
		if first == nil {
			return p, errors.New("the login's search_path names no schema that there is: " +
				"name one with --schema (SUBMSG_SCHEMA)")
		}
		p.name = *first
	}
	if err := CheckSchema(p.name); err != nil {
		return p, err
	}
	err = conn.QueryRow(ctx, schemaSQL, p.name).Scan(&p.schema, &p.exists, &p.mayCreate, &p.database, &p.login)
	return p, err
}

// make makes the schema where there is none.
func (p place) make(ctx context.Context, conn *pgx.Conn) error {
	if p.exists {
		return nil
	}
	_, err := conn.Exec(ctx, "CREATE SCHEMA "+p.schema)
	if code := new(pgconn.PgError); errors.As(err, &code) && code.Code == "42501" {
		return fmt.Errorf("there is no schema %[1]s, and the login %[2]s may not make it: let somebody who may run "+
			"CREATE SCHEMA %[1]s AUTHORIZATION %[2]s, or GRANT CREATE ON DATABASE %[3]s TO %[2]s",
			p.schema, p.login, p.database)
	}
	return err
}

// mayMakeTables tells who may let the login make tables in the schema.
func (p place) mayMakeTables() error {
	if p.exists && !p.mayCreate {
		return fmt.Errorf("the login %[1]s may not make tables in schema %[2]s: let its owner run "+
			"GRANT USAGE, CREATE ON SCHEMA %[2]s TO %[1]s, or name another schema with --schema (SUBMSG_SCHEMA)",
			p.login, p.schema)
	}
	return nil
}

// enter makes the schema all that a connection, and those that it is the model of, look for names in, after Postgres's
// own.
func (p place) enter(ctx context.Context, conn *pgx.Conn, cfg *pgx.ConnConfig) error {
	cfg.RuntimeParams["search_path"] = p.schema
	_, err := conn.Exec(ctx, `SELECT set_config('search_path', $1, false)`, p.schema)
	return err
}
