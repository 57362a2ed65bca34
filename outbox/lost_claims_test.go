package outbox_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/submsg/submsg/outbox"
)

// A person's lock on a row whose claim's answer was lost must not hold up the consumer: the row is released later.
func TestReleaseSkipsLockedRows(t *testing.T) {
	d := newDB(t)
	c, err := outbox.New(config(d, new(channel)))
	if err != nil {
		t.Fatal(err)
	}
	claim := uuid.New()
	sending := func() int64 {
		return one[int64](d, `INSERT INTO subMsgList (openid, templateId, sendStatus, attempts, claimId, leaseUntil)
			VALUES ('o1', 't', 'sending', 1, $1, now() + interval '1 hour') RETURNING id`, claim)
	}
	locked, open := sending(), sending()
	d.exec(`INSERT INTO subMsgClaim VALUES ($1, now() + interval '1 hour', $2)`, claim, []int64{locked, open})
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), `SELECT FROM subMsgList WHERE id = $1 FOR UPDATE`, locked); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if d.status(locked) != "sending" || d.status(open) != "wait" {
		t.Errorf("the locked row is %s, the other %s", d.status(locked), d.status(open))
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	if d.status(locked) != "wait" {
		t.Errorf("the row is %s after its lock was gone", d.status(locked))
	}
}
