package migrations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemaLock lets one process at a time migrate a schema. It is the lock that COMMENT ON SCHEMA takes, held by a
// transaction that is rolled back in the end: nobody but the schema's owner can take it (PostgreSQL, 13.3), while an
// advisory lock is anybody's. It keeps nobody from using the schema. The transaction has no snapshot while it waits, so
// a concurrent index build doesn't wait for it.
type schemaLock struct {
	place
	conn *pgx.Conn // looks on, with the login's rights
	held *pgx.Conn // has the lock; nil where the login can't be the owner
	tell func(format string, args ...any)
}

// tellAfter is how long another migration is waited for in silence.
const tellAfter = 2 * time.Second

// connect returns a session with the login's rights, and the search_path that the login had, which neither the session
// nor later ones of cfg look in any more.
func (mr Migrator) connect(ctx context.Context, cfg *pgx.ConnConfig) (conn *pgx.Conn, path LoginPath, err error) {
	if conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return nil, path, err
	}
	if err = refusePooler(ctx, cfg, conn); err == nil {
		path, err = PathOf(ctx, conn, mr.Schema)
	}
	if err == nil {
		cfg.RuntimeParams["search_path"] = cataloguePath
		_, err = conn.Exec(ctx, `SET search_path = `+cataloguePath)
	}
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, path, err
	}
	return conn, path, nil
}

// endlessSQL lets a transaction live as long as a migration takes.
const endlessSQL = `SELECT set_config(name, '0', false) FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

// take waits until no other process migrates the schema. The owner, as cfg connects, keeps others from doing so until
// release. Another login can't, and has nothing to write.
func (l *schemaLock) take(ctx context.Context, cfg *pgx.ConnConfig) (err error) {
	try := l.nobody
	if l.mayBe {
		if l.held, err = pgx.ConnectConfig(ctx, cfg); err != nil {
			return err
		}
		if _, err = l.held.Exec(ctx, endlessSQL); err != nil {
			return err
		}
		try = l.try
	}
	began, told := time.Now(), false
	for {
		if got, err := try(ctx); err != nil || got {
			return err
		}
		if !told && time.Since(began) > tellAfter {
			told = true
			l.tell("another migration is under way, by %s: waiting until it ends", l.holders(ctx))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			who := l.holders(context.WithoutCancel(ctx))
			return fmt.Errorf("waiting for another migration to end, by %s: %w", who, ctx.Err())
		}
	}
}

// tryLockSQL says the isolation, because a transaction of another one would keep its snapshot.
const tryLockSQL = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '100ms'; COMMENT ON SCHEMA `

// try takes the lock, or returns false where another session has it.
func (l *schemaLock) try(ctx context.Context) (got bool, err error) {
	_, err = l.held.Exec(ctx, tryLockSQL+l.schema+` IS NULL`)
	if !heldUp(err) {
		return err == nil, err
	}
	_, err = l.held.Exec(ctx, `ROLLBACK`)
	return false, err
}

// kept returns an error where the lock has gone, with the session that held it.
func (l *schemaLock) kept(ctx context.Context) error {
	if l.held == nil {
		return nil
	}
	if _, err := l.held.Exec(ctx, `SELECT`); err != nil {
		return fmt.Errorf("the session that keeps others from migrating has ended: "+
			"run `submsg migrate up` again: %w", err)
	}
	return nil
}

func (l *schemaLock) release(ctx context.Context) {
	if l.held != nil {
		l.held.Close(context.WithoutCancel(ctx))
	}
}

func (l *schemaLock) nobody(ctx context.Context) (bool, error) {
	who, err := l.read(ctx)
	return len(who) == 0, err
}

const migratingSQL = `
SELECT l.pid, coalesce(a.application_name, '') AS application, coalesce(a.usename::text, '') AS login,
    clock_timestamp() - a.backend_start AS since, '' AS transaction
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'object' AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = 'pg_namespace'::regclass AND l.objid = (SELECT oid FROM pg_namespace WHERE nspname = $1)`

func (l *schemaLock) read(ctx context.Context) (holders, error) {
	rows, _ := l.conn.Query(ctx, migratingSQL, l.name) // its error comes from CollectRows
	return pgx.CollectRows(rows, pgx.RowToStructByName[holder])
}

// holders is who has the lock, as far as that can be seen.
func (l *schemaLock) holders(ctx context.Context) holders {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	who, _ := l.read(ctx)
	return who
}

// refusePooler returns an error where a transaction pooler is before the database: what is set for a session, this lock
// above all, would stay with those who use it next.
func refusePooler(ctx context.Context, cfg *pgx.ConnConfig, conn *pgx.Conn) error {
	pid := func(conn *pgx.Conn) (pid uint32, err error) {
		err = conn.QueryRow(ctx, `SELECT pg_catalog.pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&pid)
		return pid, err
	}
	first, err := pid(conn)
	if err != nil || first == conn.PgConn().PID() { // as the protocol said at the start: nothing is in between
		return err
	}
	second, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer second.Close(context.WithoutCancel(ctx))
	if _, err := second.Exec(ctx, `BEGIN`); err != nil { // holds its session
		return err
	}
	other, err := pid(second)
	if err != nil {
		return err
	}
	again, err := pid(conn)
	if err == nil && (other == first || again != first) {
		err = errors.New("there is a transaction pooler before the database: migrate over a direct connection")
	}
	return err
}
