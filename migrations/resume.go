package migrations

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/golang-migrate/migrate/v4/source"
	"github.com/jackc/pgx/v5"
)

// golang-migrate writes "version N, dirty", runs the file, writes "version N, clean": three transactions. After a
// kill between them nobody can tell whether the file was applied. So each file, as it is read, gets one more
// statement that notes in its own transaction which version it leads to, and which submsg still works with that.

// commentSQL writes the note of a version. Older notes end before the comma.
func commentSQL(version int) string {
	return fmt.Sprintf("COMMENT ON TABLE %s IS 'schema version %d, oldest submsg %d'", VersionTable, version, oldest(version))
}

func readNote(note string) (s State, ok bool) {
	n, _ := fmt.Sscanf(note, "schema version %d, oldest submsg %d", &s.Version, &s.Oldest)
	if n == 1 {
		s.Oldest = s.Version
	}
	return s, n > 0
}

var oldestLine = regexp.MustCompile(`(?m)^-- oldest submsg: (\d+)$`)

// oldest is the greatest that the migrations up to a version say.
func oldest(version int) (oldest int) {
	ups, _ := fs.Glob(FS, "*.up.sql")
	for _, name := range ups {
		text, _ := fs.ReadFile(FS, name)
		if line := oldestLine.FindSubmatch(text); line != nil && number(name) <= version {
			n, _ := strconv.Atoi(string(line[1]))
			oldest = max(oldest, n)
		}
	}
	return oldest
}

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
		io.MultiReader(body, strings.NewReader("\n"+commentSQL(int(version))+";")),
		body,
	}
}

// agree returns the state from which to go on, and whether golang-migrate has to be told so. After a cut the comment is right;
// else the row, and the comment follows: it may be lost (a restore without comments), or not know what another tool has done.
func agree(ctx context.Context, conn *pgx.Conn, noted State) (have State, cut bool, err error) {
	version, cut, err := row(ctx, conn)
	if err != nil || cut {
		return noted, cut, err
	}
	version = max(version, 0)
	have = State{version, oldest(version)}
	if have != noted {
		_, err = conn.Exec(ctx, commentSQL(version))
	}
	return have, false, err
}
