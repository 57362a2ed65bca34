package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// An ALTER TABLE waits for the transactions that use the table, and everybody who comes later waits behind it. So it
// gives up soon, and is tried again when those in its way have ended, however long that takes: meanwhile it holds up
// nobody.

// lockTimeoutSQL bounds each wait for a lock, unless the login or the URL does so.
const lockTimeoutSQL = `
SELECT pg_backend_pid(), CASE current_setting('lock_timeout') WHEN '0' THEN set_config('lock_timeout', $1, false) END`

// How long a try waits for a lock; it doubles. The first is enough for ordinary transactions to end, and to see who
// doesn't; the last is above deadlock_timeout (1 s), after which a waiting ALTER TABLE makes autovacuum leave the
// table.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 2 * time.Second
)

// The pause between tries, which others have the table for; it doubles.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// retryOnLock tries until no lock is in the way, or ctx ends.
func (r *run) retryOnLock(ctx context.Context, try func(lockTimeout time.Duration) (holders, error)) error {
	lockTimeout := firstWait
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		who, err := try(lockTimeout)
		lockTimeout = min(2*lockTimeout, lastWait)
		if errors.Is(err, migrate.ErrNoChange) {
			return nil
		}
		if !heldUp(err) {
			return err
		}
		r.tell("the migration waits for a lock that %s holds; meanwhile it holds up nobody, and is tried again", who)
		wait := pause
		for ended := false; !ended; wait = firstPause {
			select {
			case <-ctx.Done():
				return fmt.Errorf("interrupted while %s holds a lock; "+
					"what was not done yet, `submsg migrate up` will do: %w", who, ctx.Err())
			case <-time.After(wait):
			}
			if ended, err = who.ended(ctx, r.conn); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// heldUp tells a lock that wasn't got in time (SQLSTATE 55P03), or that somebody waits for crosswise (40P01).
func heldUp(err error) bool {
	if code := new(pgconn.PgError); errors.As(original(err), &code) {
		return code.Code == "55P03" || code.Code == "40P01"
	}
	return false
}

// original is the error inside golang-migrate's, which don't unwrap.
func original(err error) error {
	if e := new(database.Error); errors.As(err, &e) {
		return e.OrigErr
	}
	if e := (database.Error{}); errors.As(err, &e) {
		return e.OrigErr
	}
	return err
}

// holder is a session in a migration's way. Its queries may hold what nobody should read: they aren't asked for.
type holder struct {
	PID                int // 0: a prepared transaction
	Application, Login string
	Since              *time.Duration // how old its transaction is, or the session; nil where the login may not see it
	Transaction        string         // virtualtransaction of pg_locks; "" is not waited for: autovacuum gives way
}

type holders []holder

const holdersSQL = `
SELECT b.pid, coalesce(a.application_name, '') AS application, coalesce(a.usename::text, a.backend_type, '') AS login,
    clock_timestamp() - a.xact_start AS since,
    CASE WHEN a.backend_type = 'autovacuum worker' THEN '' ELSE coalesce(l.virtualtransaction, '') END AS transaction
FROM unnest(pg_blocking_pids($1)) AS b (pid) LEFT JOIN pg_stat_activity a ON a.pid = b.pid
LEFT JOIN pg_locks l ON l.pid = b.pid AND l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted`

// watch looks who is in the way of a session, until the function that it returns is called, which tells the last ones.
func watch(ctx context.Context, conn *pgx.Conn, pid int) (stop func() holders) {
	over, last := make(chan struct{}), make(chan holders)
	go func() {
		var who holders
		for {
			select {
			case <-over:
				last <- who
				return
			case <-time.After(100 * time.Millisecond):
			}
			rows, _ := conn.Query(ctx, holdersSQL, pid) // its error comes from CollectRows
			if now, err := pgx.CollectRows(rows, pgx.RowToStructByName[holder]); err == nil && len(now) > 0 {
				who = now
			}
		}
	}()
	return func() holders { close(over); return <-last }
}

const endedSQL = `SELECT NOT EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY ($1))`

func (all holders) ended(ctx context.Context, conn *pgx.Conn) (ended bool, err error) {
	transactions := []string{}
	for _, h := range all {
		transactions = append(transactions, h.Transaction)
	}
	err = conn.QueryRow(ctx, endedSQL, transactions).Scan(&ended)
	return ended, err
}

func (all holders) String() string {
	var texts []string
	for _, h := range all {
		text := "a prepared transaction (see pg_prepared_xacts)"
		if h.PID != 0 {
			text = fmt.Sprintf("session %d (%q of %s", h.PID, h.Application, h.Login)
			if h.Since != nil {
				text += ", for " + h.Since.Round(time.Second).String()
			}
			text += ")"
		}
		texts = append(texts, text)
	}
	if texts == nil {
		return "somebody"
	}
	return strings.Join(texts, ", ")
}
