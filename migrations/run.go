package migrations

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// lockKey guards the whole of a migration ("submsg" in ASCII).
const lockKey = 0x7375626d7367

// move changes the schema from a state.
type move func(*migrate.Migrate, State) error

// run moves the schema while nobody else does, as often as a lock is in the way.
func (mr Migrator) run(ctx context.Context, move move) error {
	cfg, err := pgxpool.ParseConfig(mr.URL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	locked, err := lock(ctx, cfg.ConnConfig)
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
