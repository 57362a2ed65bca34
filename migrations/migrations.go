// Package migrations makes submsg's tables, functions, views and triggers in a schema of a database, and moves them to
// newer versions.
//
// Three kinds of file are embedded here. The numbered ones make tables, and golang-migrate applies each once; those of
// objects/ hold the one living text of each function, view and trigger, and are applied again whenever their text has
// changed (objects.go); example/ has the original's orders (orders.go). The package knows no message and no rule: what
// the tables mean stands in the files. Migrator is where to begin; README.md tells how to change a file, and what
// leaves the submsgs of the version before working.
package migrations

import (
	"context"
	"embed"

	"github.com/golang-migrate/migrate/v4"
)

// FS is the files: the numbered ones at its root, objects/, and example/.
//
//go:embed 0*.sql objects example
var FS embed.FS

// VersionTable is golang-migrate's bookkeeping, under a name that leaves the application's own alone.
const VersionTable = "submsg_schema_migrations"

// Latest is the version that this build was written for.
func Latest() int { return this.latest() }

// Migrator moves the schema of a database.
type Migrator struct {
	URL    string            // a direct connection, not a transaction pooler; a pool's settings in it are ignored
	Schema string            // that submsg lives in; "": the first of the login's search_path
	Orders bool              // makes the example too: the table orders, with its rule
	Tell   func(text string) // is told what a person should know: who holds it up, what others missed; may be nil

	files build // of another submsg than this one, in tests
}

// Up is Migrator.Up in the first schema of the login's search_path.
func Up(ctx context.Context, url string) error { return Migrator{URL: url}.Up(ctx) }

// Down is Migrator.Down in the first schema of the login's search_path.
func Down(ctx context.Context, url string, n int) error { return Migrator{URL: url}.Down(ctx, n) }

// Up brings the schema to the newest version, and makes it where there is none. Any number of processes may call it at
// once; what a killed one left behind is resumed. On a schema that is newer, and works with this build, it does
// nothing: an older submsg never puts older functions back. It waits for other sessions' locks until ctx ends.
func (mr Migrator) Up(ctx context.Context) error {
	return mr.run(ctx, true, func(r *run) error {
		if err := r.refuseForeign(ctx, r.conn); err != nil {
			return err
		}
		if !r.made {
			if err := r.mayMakeTables(mr.Schema != ""); err != nil {
				return err
			}
		}
		have, _, err := r.state(ctx)
		if err != nil {
			return err
		}
		if have.newerThan(r.latest()) {
			return have.check(r.latest())
		}
		if err := r.numbered(ctx, (*migrate.Migrate).Up); err != nil {
			return err
		}
		if err := r.transact(ctx, r.apply); err != nil || !mr.Orders {
			return err
		}
		return r.transact(ctx, r.makeOrders)
	})
}

// Down takes back the last n migrations, all of them if n is negative. What the objects made goes with the last one.
func (mr Migrator) Down(ctx context.Context, n int) error {
	return mr.run(ctx, false, func(r *run) error {
		have, _, err := r.state(ctx)
		if err != nil {
			return err
		}
		if have.newerThan(r.latest()) {
			return &MismatchError{Have: have.Version, Want: r.latest()}
		}
		if have.Version > 0 { // whatever comes of the rest, the next up applies all objects
			if err := r.transact(ctx, r.forget); err != nil {
				return err
			}
		}
		if n < 0 || n >= have.Version {
			if err := r.transact(ctx, r.drop); err != nil {
				return err
			}
			return r.numbered(ctx, (*migrate.Migrate).Down)
		}
		return r.numbered(ctx, func(m *migrate.Migrate) error { return m.Migrate(uint(have.Version - n)) })
	})
}
