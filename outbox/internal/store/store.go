package store

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store is the queue in one database.
type Store struct{ Pool *pgxpool.Pool }

// planSQL makes the plans of a transaction's statements: each is made once, and uses the index whatever the
// statistics say. Planning a claim costs more than executing it, and a plan that was made while the table was small
// must still do when the table is large. A plan type that is off counts as very expensive, so the just-in-time
// compiler has to be off as well.
const planSQL = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true),
    set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`

// setLockTimeout is part of a statement. Whoever holds a row locked for longer than this is a person or is stuck,
// and others must not wait for him.
const setLockTimeout = `set_config('lock_timeout', '20ms', true)`

// queueClock begins a batch of statements with its settings, and reads the database's clock.
func queueClock(batch *pgx.Batch, clock *time.Time) {
	batch.Queue(planSQL + `, ` + setLockTimeout + `, clock_timestamp()`).QueryRow(func(row pgx.Row) error {
		var s string
		return row.Scan(&s, &s, &s, &s, &s, &s, clock)
	})
}

// countRows notes how many rows a queued statement changed.
func countRows(n *int64) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		*n = tag.RowsAffected()
		return nil
	}
}

// collectIDs notes the ids that a queued statement returns.
func collectIDs(ids *[]int64) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	}
}
