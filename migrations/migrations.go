// Package migrations holds the database schema of submsg as golang-migrate files, embedded, and applies them.
//
// schema.sql beside them is the whole as dumped, for readers; a test holds it to the files.
// Each file runs as one transaction, so none may hold a statement that Postgres refuses there
// (CREATE INDEX CONCURRENTLY).
//
// Several submsgs run on one database, and are replaced one by one after the schema. So a migration should leave the submsgs
// before it working: add tables, columns with a default, functions; keep what they name, and what their INSERTs and functions
// may leave out. Take away in two releases: first a submsg that does without, then the migration. A migration on whose schema not
// all submsgs work has a line of its own that names the oldest that does, by the schema version that it knows, here 13:
//
//	-- oldest submsg: 13
//
// Older ones then refuse to start, and those that run stop. An application's transaction may hold up any ALTER TABLE, and that
// everybody else: see hold.go. Take the locks of busy tables first, and don't rewrite them: what a lock covers takes milliseconds.
// A rule waits for no lock at all: what fires meanwhile has to be replayed.
package migrations

import (
	"context"
	"embed"
	"io/fs"
	"strconv"
	"strings"

	"github.com/golang-migrate/migrate/v4"
)

//go:embed 0*.sql
var FS embed.FS

// VersionTable is golang-migrate's bookkeeping, under a name that leaves the application's own alone.
const VersionTable = "submsg_schema_migrations"

// Latest is the version that this build was written for.
func Latest() (latest int) {
	ups, _ := fs.Glob(FS, "*.up.sql")
	for _, name := range ups {
		latest = max(latest, number(name))
	}
	return latest
}

// number is the version that a file is of.
func number(name string) int {
	n, _ := strconv.Atoi(name[:strings.IndexByte(name, '_')])
	return n
}

// Migrator moves the schema of a database.
type Migrator struct {
	URL  string            // a direct connection, not a transaction pooler; a pool's settings in it are ignored
	Tell func(text string) // is told what a person should know, a line each: who holds it up, what others missed; may be nil
}

// Up brings the schema to the newest version. Any number of processes may call it at once; what a killed one left behind is
// resumed. On a schema that is newer, and works with this build, it does nothing. It waits for other sessions' locks until ctx ends.
func Up(ctx context.Context, url string) error { return Migrator{URL: url}.Up(ctx) }

// Down takes back the last n migrations, all of them if n is negative.
func Down(ctx context.Context, url string, n int) error { return Migrator{URL: url}.Down(ctx, n) }

// Up is the function Up.
func (mr Migrator) Up(ctx context.Context) error {
	return mr.run(ctx, func(m *migrate.Migrate, have State) error {
		if have.Newer() {
			return have.Check()
		}
		return m.Up()
	})
}

// Down is the function Down.
func (mr Migrator) Down(ctx context.Context, n int) error {
	target := -1 // of all tries
	return mr.run(ctx, func(m *migrate.Migrate, have State) error {
		if have.Newer() {
			return &MismatchError{Have: have.Version, Want: Latest()}
		}
		if target < 0 && n >= 0 {
			target = max(have.Version-n, 0)
		}
		if target > 0 {
			return m.Migrate(uint(target))
		}
		return m.Down()
	})
}
