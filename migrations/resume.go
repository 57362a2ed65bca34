package migrations

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/golang-migrate/migrate/v4/source"
)

// golang-migrate writes "version N, dirty", runs the file, writes "version N, clean": three transactions. After a
// kill between them nobody can tell whether the file was applied. So each file, as it is read, gets one more
// statement that notes in its own transaction which version it leads to, and which submsg still works with that.

// comment is the SQL that notes a version. Older notes end before the comma.
func (r *run) comment(version int) string {
	return fmt.Sprintf("COMMENT ON TABLE %s.%s IS 'schema version %d, oldest submsg %d'",
		r.schema, VersionTable, version, r.oldest(version))
}

func readNote(note string) (s State, ok bool) {
	n, _ := fmt.Sscanf(note, "schema version %d, oldest submsg %d", &s.Version, &s.Oldest)
	if n == 1 {
		s.Oldest = s.Version
	}
	return s, n > 0
}

// marked adds the note to each numbered file, and lets its names be those of the schema.
type marked struct {
	source.Driver
	*run
}

func (s marked) ReadUp(version uint) (io.ReadCloser, string, error) {
	body, name, err := s.Driver.ReadUp(version)
	return s.mark(body, version), name, err
}

func (s marked) ReadDown(version uint) (io.ReadCloser, string, error) {
	body, name, err := s.Driver.ReadDown(version)
	before, prevErr := s.Driver.Prev(version)
	if prevErr != nil {
		before = 0 // the first migration
	}
	return s.mark(body, before), name, err
}

func (s marked) mark(body io.ReadCloser, version uint) io.ReadCloser {
	if body == nil {
		return nil
	}
	// No name of a schema holds a quote. It stands on the file's first line, so that errors tell the right one.
	enter := fmt.Sprintf("SELECT pg_catalog.set_config('search_path', '%s', true); ", SearchPath(s.name))
	return struct {
		io.Reader
		io.Closer
	}{
		io.MultiReader(strings.NewReader(enter), body, strings.NewReader("\n"+s.comment(int(version))+";")),
		body,
	}
}

// state returns the state from which to go on, and whether golang-migrate has to be told so. After a migration that was
// cut off the comment tells the version, and golang-migrate's row is corrected. Otherwise the row tells it, and the
// comment is corrected: a restore may have lost it, or another tool has migrated.
func (r *run) state(ctx context.Context) (have State, cut bool, err error) {
	have, version, cut, err := r.readState(ctx)
	if err != nil || cut || have.newerThan(r.latest()) {
		return have, cut, err
	}
	noted := have
	have.Version = max(version, 0)
	have.Oldest = r.oldest(have.Version)
	if have != noted {
		_, err = r.conn.Exec(ctx, r.comment(have.Version))
	}
	return have, false, err
}

// readState returns the state, and golang-migrate's row.
func (r *run) readState(ctx context.Context) (have State, version int, cut bool, err error) {
	tx, err := r.conn.Begin(ctx)
	if err != nil {
		return State{}, 0, false, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has only read
	if _, err := tx.Exec(ctx, `SET LOCAL search_path = `+SearchPath(r.name)); err != nil {
		return State{}, 0, false, err
	}
	if have, err = StateOf(ctx, tx); err == nil && !have.newerThan(r.latest()) {
		version, cut, err = row(ctx, tx)
	}
	return have, version, cut, err
}
