package migrations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// lockKey guards the whole of a migration ("submsg" in ASCII).
const lockKey = 0x7375626d7367

// tellAfter is how long another migration is waited for in silence.
const tellAfter = 2 * time.Second

// lock returns a session that holds the lock, which goes with it. It waits for other migrating processes without
// holding a snapshot, as a wait inside pg_advisory_lock would: golang-migrate's own lock deadlocks with a concurrent
// index build that way.
//
// It also returns the search_path that the login had, which neither the session nor later ones of cfg look in any more.
func (mr Migrator) lock(ctx context.Context, cfg *pgx.ConnConfig) (conn *pgx.Conn, path LoginPath, err error) {
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
	if err == nil {
		err = mr.await(ctx, conn)
	}
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, path, err
	}
	return conn, path, nil
}

func (mr Migrator) await(ctx context.Context, conn *pgx.Conn) error {
	began, told := time.Now(), false
	for {
		var got bool
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(lockKey)).Scan(&got); err != nil || got {
			return err
		}
		if !told && time.Since(began) > tellAfter {
			told = true
			mr.tell("another migration is under way, by %s: waiting until it ends", migrating(ctx, conn))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			who := migrating(context.WithoutCancel(ctx), conn)
			return fmt.Errorf("waiting for another migration to end, by %s: %w", who, ctx.Err())
		}
	}
}

// Of a bigint key pg_locks shows the halves (PostgreSQL, 54.12).
const migratingSQL = `
SELECT l.pid, coalesce(a.application_name, '') AS application, coalesce(a.usename::text, '') AS login,
    clock_timestamp() - a.backend_start AS since, '' AS transaction
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = ($1::bigint >> 32)::oid AND l.objid = ($1::bigint & 4294967295)::oid`

// migrating is who holds the lock, as far as that can be seen.
func migrating(ctx context.Context, conn *pgx.Conn) holders {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	rows, _ := conn.Query(ctx, migratingSQL, int64(lockKey)) // its error comes from CollectRows
	who, _ := pgx.CollectRows(rows, pgx.RowToStructByName[holder])
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
