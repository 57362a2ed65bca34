package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// State is where a database's schema is. It is read from the comment on VersionTable, which each migration writes in
// its own transaction (resume.go): so it is right at any moment of a migration, and no lock is in its reader's way.
// golang-migrate's row, which a migration locks and calls "dirty" until it is done, counts only where the comment is
// lost.
type State struct {
	Version int // 0: no schema
	Oldest  int // the oldest submsg that works with it, by the schema version that it knows
	Objects int // the version of the submsg that has applied the functions, views and triggers; 0: none has
}

// querier is a connection, a transaction or a pool.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// noteSQL looks at the catalogue alone, and makes sure that what is read next belongs to the schema's owner: reading
// what somebody else has put there would run his code.
const noteSQL = `
SELECT coalesce(pg_catalog.obj_description(v.oid, 'pg_class'), ''), o.oid IS NOT NULL, coalesce((
        SELECT pg_catalog.format('%I.%I belongs to %I', s.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner))
        FROM pg_catalog.pg_class c WHERE c.oid IN (v.oid, o.oid) AND NOT pg_catalog.pg_has_role(c.relowner, s.nspowner, 'MEMBER')
        ORDER BY c.oid <> v.oid LIMIT 1), '')
FROM pg_catalog.pg_class v JOIN pg_catalog.pg_namespace s ON s.oid = v.relnamespace
LEFT JOIN pg_catalog.pg_class o ON o.relnamespace = v.relnamespace AND o.relname = 'submsgobject'
WHERE v.oid = pg_catalog.to_regclass($1)::oid`

// hiddenSQL finds an installation in a schema of the path that the login may not look into.
const hiddenSQL = `
SELECT pg_catalog.format('%I TO %I', s.nspname, current_user)
FROM pg_catalog.pg_class v JOIN pg_catalog.pg_namespace s ON s.oid = v.relnamespace
WHERE v.relname = $1 AND NOT pg_catalog.has_schema_privilege(s.oid, 'USAGE')
  AND pg_catalog.strpos(pg_catalog.current_setting('search_path'), pg_catalog.quote_ident(s.nspname)) > 0
LIMIT 1`

const objectsSQL = `SELECT coalesce(min(version), 0) FROM subMsgObject`

// errEarlier says what became of databases that builds before the first release had made.
var errEarlier = errors.New("this schema was made by a submsg from before the first release, " +
	"which can't be carried over: take it back with that submsg's " +
	"`submsg migrate down --all`, or drop the schema; then run `submsg migrate up`")

// StateOf reads the state of the database's schema.
func StateOf(ctx context.Context, conn querier) (s State, err error) {
	var note, foreign string
	var released bool // the first numbered file makes subMsgObject
	err = conn.QueryRow(ctx, noteSQL, VersionTable).Scan(&note, &released, &foreign)
	if errors.Is(err, pgx.ErrNoRows) {
		return State{}, hidden(ctx, conn)
	}
	if err != nil {
		return State{}, fmt.Errorf("read the schema version: %w", err)
	}
	if foreign != "" {
		return State{}, fmt.Errorf("%s, who doesn't own the schema, so it is not read: "+
			"`submsg migrate up` says what to do", foreign)
	}
	if s, err = tables(ctx, conn, note); err != nil || s.Version == 0 {
		return s, err
	}
	if !released {
		return State{}, errEarlier
	}
	err = conn.QueryRow(ctx, objectsSQL).Scan(&s.Objects)
	if code := new(pgconn.PgError); errors.As(err, &code) && code.Code == "42501" {
		err = fmt.Errorf("%w: let the owner of submsg's tables GRANT SELECT ON subMsgObject TO PUBLIC", err)
	}
	if err != nil {
		return State{}, fmt.Errorf("read the version of the functions, views and triggers: %w", err)
	}
	return s, nil
}

// hidden returns an error where there is an installation after all.
func hidden(ctx context.Context, conn querier) error {
	var grant string
	err := conn.QueryRow(ctx, hiddenSQL, VersionTable).Scan(&grant)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look for the schema: %w", err)
	}
	return fmt.Errorf("there is a submsg, and the login may not look into its schema: let the schema's owner run "+
		"GRANT USAGE ON SCHEMA %s, or make the login a member of one of the roles of `submsg roles`", grant)
}

// tables is the state of what the numbered files make.
func tables(ctx context.Context, conn querier, note string) (State, error) {
	if s, ok := readNote(note); ok {
		return s, nil
	}
	version, dirty, err := row(ctx, conn)
	if dirty && note != "" {
		return State{}, fmt.Errorf("version %d is dirty and %s's comment %q doesn't tell which version was reached",
			version, VersionTable, note)
	}
	if err != nil || dirty || version < 0 { // dirty without a comment: the very first migration was cut off
		return State{}, err
	}
	return State{Version: version, Oldest: version}, nil
}

// row is golang-migrate's record. Dirty: a migration to that version is under way, or was cut off.
func row(ctx context.Context, conn querier) (version int, dirty bool, err error) {
	err = conn.QueryRow(ctx, `SELECT version, dirty FROM `+VersionTable).Scan(&version, &dirty)
	if errors.Is(err, pgx.ErrNoRows) || noTable(err) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read the schema version: %w", err)
	}
	return version, dirty, nil
}

func noTable(err error) bool {
	code := new(pgconn.PgError)
	return errors.As(err, &code) && code.Code == "42P01"
}

// Unfinished tells whether a migration is under way or was cut off. That harms no submsg that Check accepts; Up
// finishes it.
func Unfinished(ctx context.Context, conn querier) (bool, error) {
	_, dirty, err := row(ctx, conn)
	return dirty, err
}

// Check returns a *MismatchError unless this build works with the database's schema.
func Check(ctx context.Context, conn querier) error {
	s, err := StateOf(ctx, conn)
	if err != nil {
		return err
	}
	return s.Check()
}

// Check returns a *MismatchError unless this build works with the schema.
func (s State) Check() error { return s.check(Latest()) }

func (s State) check(latest int) error {
	if err := s.checkTables(latest); err != nil || s.Objects >= latest {
		return err
	}
	return &MismatchError{Have: s.Objects, Want: latest, Objects: true}
}

// CheckTables is Check for a submsg that runs: it goes on while a newer one's migration is taken back, until `submsg
// migrate up` has applied the functions, views and triggers of its own version again.
func (s State) CheckTables() error { return s.checkTables(Latest()) }

func (s State) checkTables(latest int) error {
	if s.Version < latest || s.Oldest > latest {
		return &MismatchError{Have: s.Version, Want: latest}
	}
	return nil
}

// Newer tells whether the schema was made by a submsg newer than this one.
func (s State) Newer() bool { return s.newerThan(Latest()) }

func (s State) newerThan(latest int) bool { return s.Version > latest }

func (s State) String() string {
	if s.Newer() && s.Check() == nil {
		return fmt.Sprintf("version %d, newer than this submsg's %d and compatible", s.Version, Latest())
	}
	return fmt.Sprint("version ", s.Version)
}

// MismatchError says that this build can't work with the database's schema.
type MismatchError struct {
	Have, Want int  // versions: of the schema, and of this submsg
	Objects    bool // it is the functions, views and triggers that don't fit; Have is the version of those
}

func (e *MismatchError) Error() string {
	const remedy = "run `submsg migrate up`, or `submsg serve --migrate`"
	switch {
	case e.Objects && e.Have == 0:
		return "the database's functions, views and triggers have yet to be applied: " + remedy
	case e.Objects:
		return fmt.Sprintf("the database's functions, views and triggers are of version %d, this submsg needs %d: %s",
			e.Have, e.Want, remedy)
	case e.Have == 0:
		return "the database has no submsg schema yet: " + remedy
	case e.Have < e.Want:
		return fmt.Sprintf("the database schema is at version %d, this submsg needs %d: %s", e.Have, e.Want, remedy)
	default:
		return fmt.Sprintf("the database schema is at version %d, newer than this submsg, which knows %d, "+
			"can work with: install the newer submsg", e.Have, e.Want)
	}
}
