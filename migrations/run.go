package migrations

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// move changes the schema from a state.
type move func(*migrate.Migrate, State) error

// run moves the schema while nobody else does, as often as a lock is in the way.
func (mr Migrator) run(ctx context.Context, move move) error {
	cfg, err := pgxpool.ParseConfig(mr.URL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	locked, err := mr.lock(ctx, cfg.ConnConfig)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer locked.Close(context.WithoutCancel(ctx))
	var began time.Time
	if err := locked.QueryRow(ctx, `SELECT now()`).Scan(&began); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	err = mr.patiently(ctx, locked, func(patience time.Duration) (holders, error) {
		return attempt(ctx, cfg.ConnConfig, locked, patience, move)
	})
	if code := new(pgconn.PgError); errors.As(original(err), &code) && code.Code == "42501" {
		err = fmt.Errorf("%w: migrate as the owner of submsg's tables", err)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	mr.tellMissed(ctx, locked, began)
	return nil
}

const missedSQL = `SELECT count(*) FROM subMsgRuleError WHERE createTime >= $1`

// tellMissed tells how many updates have found the messages' table locked, and have not become messages. Where nobody can tell,
// after the last migration down for one, it says nothing.
func (mr Migrator) tellMissed(ctx context.Context, conn *pgx.Conn, since time.Time) {
	var n int
	if err := conn.QueryRow(ctx, missedSQL, since).Scan(&n); err == nil && n > 0 {
		mr.tell("updates that have not become messages meanwhile: %d; `submsg rules replay` makes up for them", n)
	}
}

func (mr Migrator) tell(format string, args ...any) {
	if mr.Tell != nil {
		mr.Tell(fmt.Sprintf(format, args...))
	}
}

// attempt moves the schema, or tells who was in the way.
func attempt(ctx context.Context, cfg *pgx.ConnConfig, locked *pgx.Conn, patience time.Duration, move move) (who holders, err error) {
	var pid int
	db := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, impatientSQL, fmt.Sprint(patience.Milliseconds())).Scan(&pid, nil)
	}))
	defer db.Close()
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{MigrationsTable: VersionTable})
	if err != nil {
		return nil, err
	}
	files, err := iofs.New(FS, ".")
	if err != nil {
		return nil, err
	}
	m, err := migrate.NewWithInstance("embedded", marked{files}, "postgres", driver)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	have, err := StateOf(ctx, locked)
	if err != nil {
		return nil, err
	}
	cut := false
	if !have.Newer() {
		if have, cut, err = agree(ctx, locked, have); err != nil {
			return nil, err
		}
	}
	stop := watch(ctx, locked, pid)
	defer func() { who = stop() }()
	if cut {
		if err := m.Force(cmp.Or(have.Version, database.NilVersion)); err != nil {
			return nil, err
		}
	}
	return nil, move(m, have)
}
