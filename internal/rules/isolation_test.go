package rules_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// keyed makes a rule all of whose messages have the same dedupKey.
const keyed = `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{state}',
	whenColumn => 'state', dedupKey => 'same', name => 'keyed')`

// If an open transaction holds the dedupKey, the rule waits for it shortly and then stores an error: the update goes
// through.
func TestSameKeyInAnOpenTransaction(t *testing.T) {
	t.Parallel()
	d := newDB(t, keyed)
	other := connect(t, d.url)
	other.exec(`BEGIN; UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
	d.exec(`UPDATE shop.refunds SET state = 'paid' WHERE id = 2`)
	d.wantErrors("keyed: canceling statement due to lock timeout")
	other.exec(`COMMIT`)
	d.exec(`SELECT submsg_replay()`)
	d.want("o1 t paid wait")
	d.wantErrors()
	if got := one[string](d, `SHOW lock_timeout`); got != "0" {
		t.Errorf("the session's lock_timeout is %s now", got)
	}
}

// A dedupKey is taken also where the snapshot hides the other message.
func TestSameKeyHiddenBySnapshot(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"REPEATABLE READ", "SERIALIZABLE"} {
		t.Run(level, func(t *testing.T) {
			d := newDB(t, keyed)
			other := connect(t, d.url)
			d.exec(`BEGIN ISOLATION LEVEL ` + level + `; SELECT count(*) FROM subMsgPause`)
			other.exec(`UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
			d.exec(`UPDATE shop.refunds SET state = 'paid' WHERE id = 2; COMMIT`)
			d.want("o1 t paid wait")
			d.wantErrors()
		})
	}
}

// Under REPEATABLE READ, a held message that somebody changed meanwhile can't be cancelled. The rule stores that, and
// the update goes through.
func TestHeldChangedMeanwhile(t *testing.T) {
	t.Parallel()
	d := newDB(t, held, `UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
	other := connect(t, d.url)
	d.exec(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM subMsgPause`)
	other.exec(`UPDATE subMsgList SET openid = 'o1b'`)
	d.exec(`UPDATE shop.refunds SET state = 'open' WHERE id = 1; COMMIT`)
	d.wantErrors("held: could not serialize access due to concurrent update")
	if got := one[string](d, `SELECT state FROM shop.refunds WHERE id = 1`); got != "open" {
		t.Error(got)
	}
}

// Under SERIALIZABLE only the whole transaction, done again, is right: the failure is passed on to the application.
func TestSerializationFailureIsNotSwallowed(t *testing.T) {
	t.Parallel()
	d := newDB(t, held, `UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
	other := connect(t, d.url)
	d.exec(`BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM subMsgPause`)
	other.exec(`UPDATE subMsgList SET openid = 'o1b'`)
	d.fails(`UPDATE shop.refunds SET state = 'open' WHERE id = 1`, "40001")
	d.exec(`ROLLBACK`)
	d.wantErrors()
}

// Concurrent SERIALIZABLE transactions on different rows don't fail because of rules.
func TestSerializableNeighbours(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag)
	other := connect(t, d.url)
	d.exec(`BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE shop.refunds SET notify = true WHERE id = 1`)
	other.exec(`BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE shop.refunds SET notify = true WHERE id = 2`)
	d.exec(`COMMIT`)
	if _, err := other.Exec(t.Context(), `COMMIT`); err != nil {
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "40001" {
			t.Fatal(err)
		}
		// The table is so small that both read the same page of it: so it is without rules, too.
		plain := newDB(t)
		third := connect(t, plain.url)
		plain.exec(`BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE shop.refunds SET note = 'a' WHERE id = 1`)
		third.exec(`BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE shop.refunds SET note = 'b' WHERE id = 2`)
		plain.exec(`COMMIT`)
		if _, err := third.Exec(t.Context(), `COMMIT`); err == nil {
			t.Error("with a rule it fails, without it doesn't")
		}
	}
}

// A statement that is cancelled ends. The rule doesn't take the cancellation for an error of its own.
func TestCancelIsNotSwallowed(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';
		CREATE TRIGGER slow BEFORE INSERT ON subMsgList FOR EACH ROW EXECUTE FUNCTION slow()`)
	other := connect(t, d.url)
	pid := d.PgConn().PID()
	done := make(chan error, 1)
	go func() {
		_, err := d.Exec(context.Background(), `UPDATE shop.refunds SET notify = true WHERE id = 1`)
		done <- err
	}()
	for one[int](other, `SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'`, pid) == 0 {
	}
	other.exec(`SELECT pg_cancel_backend($1)`, pid)
	var pg *pgconn.PgError
	if err := <-done; !errors.As(err, &pg) || pg.Code != "57014" {
		t.Errorf("%v", err)
	}
	if one[bool](other, `SELECT notify FROM shop.refunds WHERE id = 1`) {
		t.Error("updated")
	}
}

// Of two updates of the same row that wait for each other, each makes a message that says what it wrote.
func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag)
	other := connect(t, d.url)
	d.exec(`BEGIN; UPDATE shop.refunds SET notify = true, note = 'first' WHERE id = 1`)
	done := make(chan error, 1)
	go func() {
		_, err := other.Exec(context.Background(), `UPDATE shop.refunds SET notify = true, amount = amount + 1 WHERE id = 1`)
		done <- err
	}()
	watcher := connect(t, d.url)
	for one[int](watcher, `SELECT count(*)::int FROM pg_locks WHERE NOT granted`) == 0 {
	}
	d.exec(`COMMIT`)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d.want("o1 orderStatus 货1|1|open|first wait", "o1 orderStatus 货1|2|open|first wait")
}

// A rule may be defined while updates run: submsg_watch() waits for them, for a short time, and they don't fail.
func TestDefinedWhileInUse(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag)
	other := connect(t, d.url)
	other.exec(`BEGIN; UPDATE shop.refunds SET note = 'x' WHERE id = 1`)
	d.exec(`SET lock_timeout = '10ms'`)
	d.fails(`SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', flag => 'notify')`, "55P03")
	other.exec(`COMMIT`)
	d.exec(`SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', flag => 'notify')`)
	d.fails(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT submsg_unwatch('x');
		SELECT submsg_watch('shop.refunds', 't2', 'buyer_openid', flag => 'notify')`, "0A000", "READ COMMITTED")
}
