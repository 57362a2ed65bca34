package migrations

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/jackc/pgx/v5"
)

// golang-migrate writes "version N, dirty", runs the file, writes "version N, clean": three transactions. After a
// kill between them nobody can tell whether the file was applied. So each file, as it is read, gets one more
// statement that notes in its own transaction which version it leads to.

const markPrefix = "schema version "

type marked struct{ source.Driver }

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
	return struct {
		io.Reader
		io.Closer
	}{
		io.MultiReader(body, strings.NewReader(fmt.Sprintf("\nCOMMENT ON TABLE %s IS '%s%d';", VersionTable, markPrefix, version))),
		body,
	}
}

// heal sets a dirty version to the one that was really reached.
func heal(ctx context.Context, conn *pgx.Conn, m *migrate.Migrate) error {
	version, dirty, err := Version(ctx, conn)
	if err != nil || !dirty {
		return err
	}
	var note string
	err = conn.QueryRow(ctx, `SELECT coalesce(obj_description($1::regclass, 'pg_class'), '')`, VersionTable).Scan(&note)
	if err != nil {
		return err
	}
	reached := 0
	if note != "" {
		if _, err := fmt.Sscanf(note, markPrefix+"%d", &reached); err != nil {
			return fmt.Errorf("version %d is dirty and %s's comment %q doesn't tell which version was reached", version, VersionTable, note)
		}
	}
	if reached == 0 {
		reached = -1 // golang-migrate's "nothing applied"
	}
	return m.Force(reached)
}
