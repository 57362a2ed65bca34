package migrations

import (
	"cmp"
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
	case !utf8.ValidString(name) || strings.ContainsAny(name, `'"\$%`) || strings.ContainsFunc(name, invisible):
		return fmt.Errorf(`the schema name %q can't be used: it holds ' " \ $ %% or what can't be seen`, name)
	}
	return nil
}

func invisible(r rune) bool { return !unicode.IsPrint(r) }

// SearchPath is the search_path of a connection that looks for names in a schema only: Postgres's own come first by
// themselves, and what a session has made for the time being comes last.
func SearchPath(schema string) string { return pgx.Identifier{schema}.Sanitize() + ", pg_temp" }

// cataloguePath finds Postgres's own names, and no others. A function whose arguments fit better than the built-in
// one's is called instead of it from wherever it stands on the path, so what can do without our schema does.
const cataloguePath = "pg_catalog, pg_temp"

// ownPathSQL runs where anybody's objects may be found. So each of its names is in full.
const ownPathSQL = `SELECT pg_catalog.current_setting('search_path'), pg_catalog.current_schemas(false)::pg_catalog.text[]`

// LoginPath is the search_path that a login has by itself.
type LoginPath struct {
	Setting string   // as the server was told it
	Schemas []string // those of it that there are, and that the login may use
	Home    string   // the one that submsg lives in, or would; "": there is none
}

// installedSQL are the schemas of a path that hold an installation. Where others may make objects they may make what
// looks like one, so it must belong to the schema's owner.
const installedSQL = `
SELECT ARRAY(SELECT nspname::text FROM unnest($1::text[]) WITH ORDINALITY AS path (schema, n)
    JOIN pg_namespace s ON nspname = schema JOIN pg_class c ON relnamespace = s.oid AND relname = $2
    WHERE pg_has_role(relowner, nspowner, 'MEMBER') ORDER BY n)`

// behindPooler is a way to execute that leaves nothing in a session.
const behindPooler = pgx.QueryExecModeExec

// PathOf reads a connection's own search_path, and finds submsg in it unless its schema is named: where there is an
// installation, else the first schema. Where somebody makes a schema that comes before on the path, the installation
// stays the same one.
func PathOf(ctx context.Context, conn *pgx.Conn, named string) (path LoginPath, err error) {
	path.Home = named
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, ownPathSQL, behindPooler).Scan(&path.Setting, &path.Schemas); err != nil {
			return err
		}
		if named != "" {
			return nil
		}
		if _, err := tx.Exec(ctx, `SET LOCAL search_path = `+cataloguePath); err != nil {
			return err
		}
		var installed []string
		err := tx.QueryRow(ctx, installedSQL, behindPooler, path.Schemas, VersionTable).Scan(&installed)
		if err != nil {
			return err
		}
		switch {
		case len(installed) > 1:
			return fmt.Errorf("the schemas %s of the login's search_path all hold a submsg: say which one is meant "+
				"with --schema (SUBMSG_SCHEMA)", strings.Join(installed, ", "))
		case len(installed) == 1:
			path.Home = installed[0]
		case len(path.Schemas) > 0:
			path.Home = path.Schemas[0]
		}
		return nil
	})
	return path, err
}

// schemaSQL finds a schema and who owns submsg in it. Migrations run as that role, whoever migrates: so all that they
// make belongs to one role, and what its members have put there never runs with a superuser's rights.
const schemaSQL = `
SELECT quote_ident($1), s.oid IS NOT NULL, v.oid IS NOT NULL, coalesce(o.rolname, ''), coalesce(pg_has_role(o.oid, 'MEMBER'), false),
    o.rolname IS DISTINCT FROM current_user, coalesce(l.rolsuper AND NOT o.rolsuper AND o.oid <> datdba, false), quote_ident(current_database()), quote_ident(current_user)
FROM pg_database d JOIN pg_roles l ON l.rolname = current_user LEFT JOIN pg_namespace s ON s.nspname = $1
LEFT JOIN pg_class v ON v.relnamespace = s.oid AND v.relname = $2 AND pg_has_role(v.relowner, s.nspowner, 'MEMBER')
LEFT JOIN pg_roles o ON o.oid = coalesce(v.relowner, CASE s.nspowner WHEN 'pg_database_owner'::regrole THEN datdba ELSE s.nspowner END)
WHERE datname = current_database()`

// place is where a migration works.
type place struct {
	name     string // of the schema
	schema   string // the same as SQL writes it
	exists   bool
	made     bool   // it holds an installation
	owner    string // the role that owns submsg's tables, or shall
	mayBe    bool   // the login may act as the owner
	other    bool   // the owner is another role than the login's
	stranger bool   // a superuser logs in, and the owner is neither one nor the database's
	database string
	login    string
}

// find looks at the schema, which is named or the one of the login's own path.
func find(ctx context.Context, conn *pgx.Conn, name string) (p place, err error) {
	p.name = name
	if p.name == "" {
		return p, errors.New("the login's search_path names no schema that there is: " +
			"name one with --schema (SUBMSG_SCHEMA)")
	}
	if err := CheckSchema(p.name); err != nil {
		return p, err
	}
	err = conn.QueryRow(ctx, schemaSQL, p.name, VersionTable).Scan(&p.schema, &p.exists, &p.made, &p.owner, &p.mayBe,
		&p.other, &p.stranger, &p.database, &p.login)
	return p, err
}

// make makes the schema where there is none, or another process has made it meanwhile.
func (p *place) make(ctx context.Context, conn *pgx.Conn) error {
	if p.exists {
		return nil
	}
	_, err := conn.Exec(ctx, "CREATE SCHEMA "+p.schema)
	var code *pgconn.PgError
	switch {
	case err == nil, errors.As(err, &code) && (code.Code == "42P06" || code.Code == "23505"):
		*p, err = find(ctx, conn, p.name)
	case code != nil && code.Code == "42501":
		err = fmt.Errorf("there is no schema %[1]s, and the login %[2]s may not make it: let somebody who may run "+
			"CREATE SCHEMA %[1]s AUTHORIZATION %[2]s, or GRANT CREATE ON DATABASE %[3]s TO %[2]s",
			p.schema, p.login, p.database)
	}
	return err
}

// ownerName is the owner as SQL writes it.
func (p place) ownerName() string { return pgx.Identifier{cmp.Or(p.owner, p.login)}.Sanitize() }

// become makes the connections of a configuration act as the owner, where the login may.
func (p place) become(cfg *pgx.ConnConfig) {
	if p.other && p.mayBe {
		cfg.RuntimeParams["role"] = p.owner
	}
}

// mayMakeTables tells who may migrate, where the login may not, and makes nothing in a schema that nobody named and
// somebody may have put on the path: "$user", say.
func (p place) mayMakeTables(named bool) error {
	if p.stranger && !named {
		return fmt.Errorf("the schema %[1]s, the first on the search_path, belongs to %[2]s: if that is where submsg "+
			"shall live, say so with --schema=%[1]s (SUBMSG_SCHEMA)", p.schema, p.ownerName())
	}
	if p.mayBe {
		return nil
	}
	return fmt.Errorf("the schema %[1]s belongs to %[3]s, and only its owner makes tables in it: migrate as %[3]s, or "+
		"let a superuser run ALTER SCHEMA %[1]s OWNER TO %[2]s, or name another schema with --schema (SUBMSG_SCHEMA)",
		p.schema, p.login, p.ownerName())
}
