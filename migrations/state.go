package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// State is where a database's schema is. It is read from the comment on VersionTable, which each migration writes in its own
// transaction (resume.go): so it is right at any moment of a migration, and no lock is in its reader's way. golang-migrate's
// row, which a migration locks and calls "dirty" until it is done, counts only where the comment is lost.
type State struct {
	Version int // 0: no schema
	Oldest  int // the oldest submsg that works with it, by the schema version that it knows
}

// querier is a connection, a transaction or a pool.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const noteSQL = `SELECT coalesce(pg_catalog.obj_description(pg_catalog.to_regclass($1), 'pg_class'), '')`

// StateOf reads the state of the database's schema.
func StateOf(ctx context.Context, conn querier) (State, error) {
	var note string
	if err := conn.QueryRow(ctx, noteSQL, VersionTable).Scan(&note); err != nil {
		return State{}, fmt.Errorf("read the schema version: %w", err)
	}
	if s, ok := readNote(note); ok {
		return s, nil
	}
	version, dirty, err := row(ctx, conn)
	if dirty && note != "" {
		return State{}, fmt.Errorf("version %d is dirty and %s's comment %q doesn't tell which version was reached", version, VersionTable, note)
	}
	if err != nil || dirty || version < 0 { // dirty without a comment: the very first migration was cut off
		return State{}, err
	}
	return State{version, version}, nil
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

// Unfinished tells whether a migration is under way or was cut off. That is no harm to whoever Check lets pass; Up resumes it.
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
func (s State) Check() error {
	if s.Version < Latest() || s.Oldest > Latest() {
		return &MismatchError{Have: s.Version, Want: Latest()}
	}
	return nil
}

// Newer tells whether the schema was made by a submsg newer than this one.
func (s State) Newer() bool { return s.Version > Latest() }

func (s State) String() string {
	if s.Newer() && s.Check() == nil {
		return fmt.Sprintf("version %d, newer than this submsg's %d and compatible", s.Version, Latest())
	}
	return fmt.Sprint("version ", s.Version)
}

// MismatchError says that this build can't work with the database's schema.
type MismatchError struct{ Have, Want int }

func (e *MismatchError) Error() string {
	switch {
	case e.Have == 0:
		return "the database has no submsg schema yet: run `submsg migrate up`, or `submsg serve --migrate`"
	case e.Have < e.Want:
		return fmt.Sprintf("the database schema is at version %d, this submsg needs %d: run `submsg migrate up`, or `submsg serve --migrate`", e.Have, e.Want)
	default:
		return fmt.Sprintf("the database schema is at version %d, newer than this submsg, which knows %d, can work with: install the newer submsg", e.Have, e.Want)
	}
}
