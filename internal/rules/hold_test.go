package rules_test

import (
	"strings"
	"testing"
)

// held makes a rule whose messages wait for an hour.
const held = `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{state,note}',
	whenColumn => 'state', whenValues => '{paid,sent}', filter => '{"kind": "food"}', onInsert => true,
	hold => '1 hour', dedupKey => 'r{id}', name => 'held')`

// Within the hold window a row has one waiting message or none.
func TestHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sql string
		want      []string
	}{
		{"waits", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1`, []string{"o1 t paid|n wait"}},
		{"leaves the state", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE shop.refunds SET state = 'open' WHERE id = 1`, []string{"o1 t paid|n cancel"}},
		{"leaves by the filter", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE shop.refunds SET kind = 'x' WHERE id = 1`, []string{"o1 t paid|n cancel"}},
		{"leaves in one transaction", `BEGIN; UPDATE shop.refunds SET state = 'paid'; UPDATE shop.refunds SET state = 'open' WHERE id > 1; COMMIT`,
			[]string{"o1 t paid|n wait", "o2 t paid|n cancel", "o3 t paid|n cancel", "o4 t paid|n cancel", "o5 t paid|n cancel"}},
		{"leaves and comes back", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE shop.refunds SET state = 'open' WHERE id = 1; UPDATE shop.refunds SET state = 'paid' WHERE id = 1`,
			[]string{"o1 t paid|n cancel", "o1 t paid|n wait"}},
		{"replaced", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE shop.refunds SET state = 'sent' WHERE id = 1`, []string{"o1 t paid|n cancel", "o1 t sent|n wait"}},
		{"deleted", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; DELETE FROM shop.refunds WHERE id = 1`, []string{"o1 t paid|n cancel"}},
		{"inserted and deleted", `INSERT INTO shop.refunds (buyer_openid, state, kind) VALUES ('o9', 'paid', 'food'); DELETE FROM shop.refunds WHERE id = 6`, []string{"o9 t paid| cancel"}},
		{"the leaving is rolled back", `BEGIN; UPDATE shop.refunds SET state = 'paid' WHERE id = 1; COMMIT; BEGIN; UPDATE shop.refunds SET state = 'open' WHERE id = 1; ROLLBACK`, []string{"o1 t paid|n wait"}},
		{"other columns", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE shop.refunds SET note = 'x' WHERE id = 1`, []string{"o1 t paid|n wait"}},
		{"not one that is being sent", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE subMsgList SET sendStatus = 'sending', claimId = gen_random_uuid(), leaseUntil = now() + interval '1 hour';
			UPDATE shop.refunds SET state = 'open' WHERE id = 1`, []string{"o1 t paid|n sending"}},
		{"nor one that is sent", `UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE subMsgList SET sendStatus = 'cancel'; UPDATE shop.refunds SET state = 'sent' WHERE id = 1`, []string{"o1 t paid|n cancel"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t, held)
			d.exec(tt.sql)
			d.want(tt.want...)
			d.wantErrors()
		})
	}
	d := newDB(t, held, `UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
	if !one[bool](d, `SELECT sendAfter BETWEEN now() + interval '59 minutes' AND now() + interval '1 hour' FROM subMsgList`) {
		t.Error("not due in an hour")
	}
	d.exec(`UPDATE shop.refunds SET state = 'open' WHERE id = 1`)
	reason := one[string](d, `SELECT sendStatusMsg FROM subMsgList`)
	if !strings.Contains(reason, "the row left the state before the message was due") {
		t.Errorf("the row says %q", reason)
	}
}

// A flag that is set twice within the hold window makes one message, of the later update.
func TestHoldByFlag(t *testing.T) {
	t.Parallel()
	d := newDB(t, `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{note}', flag => 'notify', hold => '30 s')`)
	d.exec(`UPDATE shop.refunds SET notify = true, note = 'slip' WHERE id = 1;
		UPDATE shop.refunds SET note = 'x' WHERE id = 1;
		UPDATE shop.refunds SET notify = true, note = 'meant' WHERE id = 1`)
	d.want("o1 t slip cancel", "o1 t meant wait")
}

// A rule does not wait for a message that somebody holds locked. That the message could not be cancelled is an error,
// which is stored and shown.
func TestHoldDoesNotWait(t *testing.T) {
	t.Parallel()
	d := newDB(t, held, `UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
	other := connect(t, d.url)
	other.exec(`BEGIN; UPDATE subMsgList SET openid = 'x'`)
	d.exec(`UPDATE shop.refunds SET state = 'open' WHERE id = 1`)
	d.wantErrors("held: message 1 should be cancelled, and another transaction holds it")
	other.exec(`ROLLBACK`)
	d.exec(`UPDATE shop.refunds SET kind = 'y' WHERE id = 1`)
	d.want("o1 t paid|n cancel")
}

// Entries of messages that were due long ago are deleted by later updates.
func TestHeldRowsGo(t *testing.T) {
	t.Parallel()
	d := newDB(t, held, `UPDATE shop.refunds SET state = 'paid' WHERE id < 5`, `UPDATE subMsgHeld SET due = now() - interval '2 minutes'`)
	d.exec(`UPDATE shop.refunds SET state = 'paid' WHERE id = 5`)
	if n := one[int](d, `SELECT count(*)::int FROM subMsgHeld`); n != 1 {
		t.Errorf("%d entries, want that of the last message", n)
	}
}
