package outbox_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox"
)

// Besides inserts, these are the changes that a consumer must not miss although it never polls.

// begin opens a transaction that does sql while a consumer is awake, or about to fall asleep: nobody is notified of it.
func (d *db) begin(sql string) pgx.Tx {
	d.t.Helper()
	tx, err := d.Begin(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { tx.Rollback(context.Background()) })
	d.exec(`SELECT setval('subMsgWake', 2)`)
	if _, err := tx.Exec(d.t.Context(), sql); err != nil {
		d.t.Fatal(err)
	}
	return tx
}

func (d *db) commit(tx pgx.Tx) {
	d.t.Helper()
	if err := tx.Commit(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

// A pause is lifted in a transaction that began while the consumer was awake and ends while it sleeps, as from a SQL
// client that commits by a button.
func TestPauseLiftedAcrossSleep(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	run(t, config(d, ch))
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'x', 'infinity')`)
	id := d.insert(message(1))[0]
	d.asleep()
	tx := d.begin(`DELETE FROM subMsgPause`)
	d.asleep()
	d.commit(tx)
	d.eventually(id, "success")
}

// A message that is due later is committed in the middle of the consumer's look: after the look's snapshot, and
// before it reads who is writing. An old transaction keeps the index full of what was called off, which makes the look
// long enough to be hit.
func TestCommitInMidLook(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter, expireTime)
		SELECT 'o' || n, 't', 'infinity', now() + interval '1 hour' FROM generate_series(1, 60000) AS n`)
	old, err := d.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Rollback(context.Background())
	if _, err := old.Exec(t.Context(), `SELECT count(*) FROM subMsgList`); err != nil {
		t.Fatal(err)
	}
	d.exec(`SET session_replication_role = replica; UPDATE subMsgList SET sendStatus = 'cancel'; RESET session_replication_role`)
	run(t, config(d, ch))
	for n := range 3 {
		d.asleep()
		tx := d.begin(`INSERT INTO subMsgList (openid, templateId, sendAfter)
			VALUES ('scheduled', 't', clock_timestamp() + interval '1 s')`)
		eventually(t, "the consumer looks", func() bool {
			d.exec(`SELECT pg_notify('submsg', '')`) // again and again: a look may be over before this test sees it
			return one[bool](d, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
				AND application_name = 'consumer' AND state = 'active' AND query LIKE '%RECURSIVE jump%')`)
		})
		d.commit(tx)
		eventually(t, "the scheduled message is sent", func() bool { return ch.count() == n+1 })
	}
}

// A consumer that stops wakes the others, so that they also find the message whose send it has just finished and which
// is to be tried again.
func TestLaterWhileLeaving(t *testing.T) {
	t.Parallel()
	d, gate := newDB(t), make(chan struct{})
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.Attempt > 1 {
			return accepted(m)
		}
		<-gate
		return outbox.Verdict{Outcome: outbox.Later, Text: "busy"}
	}}
	stop := run(t, config(d, ch))
	id := d.insert(message(1))[0]
	eventually(t, "in flight", func() bool { return ch.count() == 1 })
	run(t, config(d, ch))
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	eventually(t, "it has left, with the send in flight", func() bool {
		return one[int](d, `SELECT count(*)
			FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'submsg listener'`) == 1
	})
	d.asleep()
	close(gate)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	d.eventually(id, "success")
}

// A message whose sender died is tried again when its time comes, if its template says so.
func TestSweptIsTimed(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Resend = func(string) bool { return true }
	run(t, cfg)
	d.asleep()
	d.exec(`WITH m AS (
		INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil, attempts)
		VALUES ('o1', 't', 'sending', gen_random_uuid(), now() - interval '1 s', 1) RETURNING id, claimId, leaseUntil)
		INSERT INTO subMsgClaim SELECT claimId, leaseUntil, ARRAY[id] FROM m`)
	d.eventually(1, "success")
}

// A pause with nothing to try it on doesn't keep the others from being tried.
func TestIdlePauseHoldsUpNoProbe(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt)
		VALUES ('idle', 'x', now() - interval '1 min'), ('t', 'x', now())`)
	run(t, config(d, ch))
	d.eventually(d.insert(message(1))[0], "success")
}

// Hand edits that make a message due, besides those of TestWake.
func TestWakeByHand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, before, edit, want string }{
		{"another template than the paused one",
			`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('bad', 'x', 'infinity');
			 INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 'bad')`,
			`UPDATE subMsgList SET templateId = 'good'`, "success"},
		{"a pause's probe brought forward",
			`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'x', 'infinity');
			 INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`,
			`UPDATE subMsgPause SET probeAt = now()`, "success"},
		{"all pauses truncated",
			`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'x', 'infinity');
			 INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`,
			`TRUNCATE subMsgPause`, "success"},
		{"back to wait after its sender died",
			`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
				VALUES ('o1', 't', 'sending', gen_random_uuid(), now() + interval '50 ms')`,
			`UPDATE subMsgList SET sendStatus = 'wait' WHERE pg_sleep(0.1) IS NOT NULL`, "success"},
		{"an end is set",
			`INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('o1', 't', 'infinity')`,
			`UPDATE subMsgList SET expireTime = now() + interval '100 ms'`, "expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			run(t, config(d, ch))
			d.asleep()
			d.exec(tt.before)
			d.asleep()
			d.exec(tt.edit)
			d.eventually(1, tt.want)
		})
	}
}
