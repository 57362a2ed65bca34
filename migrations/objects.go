package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Nothing but Postgres's own names is found without a schema, and a function may name one that a later file makes.
const objectPathSQL = `SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off`

const (
	appliedSQL = `SELECT file, hash FROM SUBMSG_SCHEMA.subMsgObject`
	recordSQL  = `INSERT INTO SUBMSG_SCHEMA.subMsgObject (file, hash, version) VALUES ($1, $2, $3)
ON CONFLICT (file) DO UPDATE SET hash = excluded.hash, version = excluded.version, applied = now()`
	goneSQL    = `DELETE FROM SUBMSG_SCHEMA.subMsgObject WHERE file <> ALL ($1)`
	versionSQL = `UPDATE SUBMSG_SCHEMA.subMsgObject SET version = $1 WHERE version <> $1`
	forgetSQL  = `DELETE FROM SUBMSG_SCHEMA.subMsgObject`
)

// apply applies the files of objects/ that the database has another text of, or none. Afterwards all of them are of
// this version.
func (r *run) apply(ctx context.Context, tx pgx.Tx) error {
	files, err := r.objects()
	if err != nil {
		return err
	}
	hashes, err := r.applied(ctx, tx)
	if err != nil {
		return err
	}
	paths := []string{exampleFile}
	for _, f := range files {
		paths = append(paths, f.path)
		if f.hash != hashes[f.path] {
			if err := r.applyFile(ctx, tx, f); err != nil {
				return err
			}
		}
	}
	if _, err := tx.Exec(ctx, in(r.schema, goneSQL), paths); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, in(r.schema, versionSQL), r.latest())
	return err
}

// applied is the hash of each file that the database has.
func (r *run) applied(ctx context.Context, tx pgx.Tx) (hashes map[string]string, err error) {
	rows, err := tx.Query(ctx, in(r.schema, appliedSQL))
	if err != nil {
		return nil, err
	}
	hashes = map[string]string{}
	var path, hash string
	_, err = pgx.ForEachRow(rows, []any{&path, &hash}, func() error { hashes[path] = hash; return nil })
	return hashes, err
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
