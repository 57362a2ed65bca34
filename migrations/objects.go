package migrations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Nothing but Postgres's own names is found without a schema, and a function may name one that a later file makes.
const objectPathSQL = `SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off`

const (
	appliedSQL = `SELECT file, hash, version FROM SUBMSG_SCHEMA.subMsgObject`
	recordSQL  = `INSERT INTO SUBMSG_SCHEMA.subMsgObject (file, hash, version) VALUES ($1, $2, $3)
ON CONFLICT (file) DO UPDATE SET hash = excluded.hash, version = excluded.version, applied = now()`
	goneSQL    = `DELETE FROM SUBMSG_SCHEMA.subMsgObject WHERE file <> ALL ($1)`
	versionSQL = `UPDATE SUBMSG_SCHEMA.subMsgObject SET version = $1 WHERE version <> $1`
	forgetSQL  = `DELETE FROM SUBMSG_SCHEMA.subMsgObject`
)

// apply applies the files of objects/ that the database has another text of, or none, and those of which something is
// missing: another file's DROP … CASCADE, or a person, may have taken it away. Afterwards all of them are of this
// version. Where nothing differs nothing is written, so that a login without rights may ask.
func (r *run) apply(ctx context.Context, tx pgx.Tx) error {
	files, err := r.objects()
	if err != nil {
		return err
	}
	has, err := r.applied(ctx, tx)
	if err != nil {
		return err
	}
	there, err := r.existing(ctx, tx)
	if err != nil {
		return err
	}
	paths := []string{exampleFile}
	for _, f := range files {
		paths = append(paths, f.path)
		if f.hash == has[f.path].Hash && there.all(f) {
			continue
		}
		if err := r.applyFile(ctx, tx, f); err != nil {
			return err
		}
	}
	for path, a := range has {
		if a.Version != r.latest() || !slices.Contains(paths, path) {
			if err := r.tidy(ctx, tx, paths); err != nil {
				return err
			}
			break
		}
	}
	return r.refuseForeign(ctx, tx)
}

// tidy forgets the files that are gone, and writes this version to the others.
func (r *run) tidy(ctx context.Context, tx pgx.Tx, paths []string) error {
	if _, err := tx.Exec(ctx, in(r.schema, goneSQL), paths); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, in(r.schema, versionSQL), r.latest())
	return err
}

// applied is what the database has of a file.
type applied struct {
	File, Hash string
	Version    int
}

func (r *run) applied(ctx context.Context, tx pgx.Tx) (map[string]applied, error) {
	rows, err := tx.Query(ctx, in(r.schema, appliedSQL))
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[applied])
	has := map[string]applied{}
	for _, a := range list {
		has[a.File] = a
	}
	return has, err
}

const existingSQL = `
SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = quote_ident($1)::regnamespace
UNION SELECT 'view ' || relname FROM pg_class WHERE relnamespace = quote_ident($1)::regnamespace AND relkind = 'v'
UNION SELECT 'trigger ' || tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
WHERE relnamespace = quote_ident($1)::regnamespace`

// names are the functions, views and triggers of the schema: "view submsghealth".
type names []string

func (r *run) existing(ctx context.Context, tx pgx.Tx) (names, error) {
	rows, err := tx.Query(ctx, existingSQL, r.name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// all tells whether all that a file makes is there.
func (there names) all(f file) bool {
	for _, kind := range []string{"function", "view", "trigger"} {
		for _, name := range made(kind, []file{f}) {
			if !slices.Contains(there, kind+" "+name) {
				return false
			}
		}
	}
	return true
}

func (r *run) applyFile(ctx context.Context, tx pgx.Tx, f file) error {
	for _, sql := range []string{objectPathSQL, in(r.schema, f.text)} {
		if _, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s%s: %w", f.path, line(sql, err), err)
		}
	}
	_, err := tx.Exec(ctx, in(r.schema, recordSQL), f.path, f.hash, r.latest())
	return err
}

// line is ":12" where an error tells in which line it is.
func line(sql string, err error) string {
	pg := new(pgconn.PgError)
	if !errors.As(err, &pg) || pg.Position == 0 {
		return ""
	}
	before := []rune(sql)[:pg.Position-1] // Postgres counts characters, from 1
	return fmt.Sprintf(":%d", 1+strings.Count(string(before), "\n"))
}

// forget makes the next migration apply all files: the tables that change now take views and triggers along.
func (r *run) forget(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, in(r.schema, forgetSQL))
	return err
}

// A function may have several forms, of which each is dropped; a view that went with a function is gone when its turn
// comes.
const dropsSQL = `
SELECT format('DROP VIEW IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
WHERE relnamespace = quote_ident($1)::regnamespace AND relkind = 'v' AND relname = ANY ($2)
UNION ALL
SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
WHERE pronamespace = quote_ident($1)::regnamespace AND proname = ANY ($3)`

// drop takes away what the objects made, in every table of the database: the triggers of rules go with their functions.
// It goes before the tables do, so that no update of a business table meets a function whose tables are gone.
func (r *run) drop(ctx context.Context, tx pgx.Tx) error {
	files, err := r.objects()
	if err != nil {
		return err
	}
	if err := r.dropOrders(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, objectPathSQL, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	// The error comes from CollectRows.
	rows, _ := tx.Query(ctx, dropsSQL, r.name, made("view", files), made("function", files))
	drops, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(drops) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, strings.Join(drops, ";\n"), pgx.QueryExecModeSimpleProtocol)
	return err
}
