// Package migrations holds the database schema of submsg as golang-migrate files, embedded, and applies them.
//
// schema.sql beside them is the whole as dumped, for readers; a test holds it to the files.
// Each file runs as one transaction, so none may hold a statement that Postgres refuses there
// (CREATE INDEX CONCURRENTLY).
package migrations

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

//go:embed 0*.sql
var FS embed.FS

// VersionTable is golang-migrate's bookkeeping, under a name that leaves the application's own alone.
const VersionTable = "submsg_schema_migrations"

// lockKey guards the whole of a migration ("submsg" in ASCII).
const lockKey = 0x7375626d7367

// Up brings the schema to the newest version. Any number of processes may call it at once; what a
// killed one left behind is resumed. It needs a direct connection, not a transaction pooler.
func Up(ctx context.Context, url string) error {
	return run(ctx, url, func(m *migrate.Migrate) error { return m.Up() })
}

// Down takes back the last n migrations, all of them if n is negative.
func Down(ctx context.Context, url string, n int) error {
	return run(ctx, url, func(m *migrate.Migrate) error {
		if n < 0 {
			return m.Down()
		}
		err := m.Steps(-n)
		if errors.As(err, new(migrate.ErrShortLimit)) || errors.Is(err, fs.ErrNotExist) {
			return migrate.ErrNoChange // fewer than n were left
		}
		return err
	})
}

// Latest is the version that this build was written for.
func Latest() int {
	ups, _ := fs.Glob(FS, "*.up.sql")
	latest := 0
	for _, name := range ups {
		n, _ := strconv.Atoi(name[:strings.IndexByte(name, '_')])
		latest = max(latest, n)
	}
	return latest
}

// querier is a connection, a transaction or a pool.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Version tells at which version the database's schema is, 0 for none. Dirty: a migration was cut off
// before it was done; Up resumes it.
func Version(ctx context.Context, conn querier) (version int, dirty bool, err error) {
	err = conn.QueryRow(ctx, `SELECT version, dirty FROM `+VersionTable).Scan(&version, &dirty)
	if code := new(pgconn.PgError); errors.Is(err, pgx.ErrNoRows) || errors.As(err, &code) && code.Code == "42P01" {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read the schema version: %w", err)
	}
	return max(version, 0), dirty, nil
}

// MismatchError says that the database's schema isn't the one that this build needs.
type MismatchError struct{ Have, Want int }

func (e *MismatchError) Error() string {
	switch {
	case e.Have == 0:
		return "the database has no submsg schema yet: run `submsg migrate up`, or `submsg serve --migrate`"
	case e.Have < e.Want:
		return fmt.Sprintf("the database schema is at version %d, this submsg needs %d: run `submsg migrate up`, or `submsg serve --migrate`", e.Have, e.Want)
	default:
		return fmt.Sprintf("the database schema is at version %d, newer than this submsg, which knows %d: install the newer submsg", e.Have, e.Want)
	}
}

// Check returns a *MismatchError unless the schema is whole and of this build's version.
func Check(ctx context.Context, conn querier) error {
	have, dirty, err := Version(ctx, conn)
	if err != nil {
		return err
	}
	if dirty {
		return fmt.Errorf("a migration to version %d was cut off: run `submsg migrate up` to resume it", have)
	}
	if have != Latest() {
		return &MismatchError{Have: have, Want: Latest()}
	}
	return nil
}

func run(ctx context.Context, url string, move func(*migrate.Migrate) error) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	locked, err := lock(ctx, cfg)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer locked.Close(context.WithoutCancel(ctx))

	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{MigrationsTable: VersionTable})
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := iofs.New(FS, ".")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	m, err := migrate.NewWithInstance("embedded", marked{files}, "postgres", driver)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer m.Close()
	if err := heal(ctx, locked, m); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if have, _, err := Version(ctx, locked); err != nil || have > Latest() {
		return cmp.Or[error](err, &MismatchError{Have: have, Want: Latest()})
	}
	if err := move(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// lock returns a session that holds the lock, which goes with it. It waits for other migrating processes without
// holding a snapshot, as a wait inside pg_advisory_lock would: golang-migrate's own lock deadlocks with a concurrent
// index build that way.
func lock(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for {
		var got bool
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(lockKey)).Scan(&got)
		if err == nil && got {
			return conn, nil
		}
		if err == nil {
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				err = fmt.Errorf("waiting for another migration to end: %w", ctx.Err())
			}
		}
		conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
}
