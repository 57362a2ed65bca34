package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/submsg/submsg/outbox"
)

// A person's lock on a row whose claim's answer was lost must not hold up the consumer: the row is released later.
func TestReleaseSkipsLockedRows(t *testing.T) {
	t.Parallel()
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

// A claim whose answer was lost is remembered beyond its lease, until the database has given its rows back: what fails,
// as in a row of broken connections, is done again. Otherwise they would be unknown, although nobody has sent them.
func TestReleaseIsTriedUntilItWorks(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	cfg := config(d, new(channel))
	cfg.SendTimeout, cfg.Lease = time.Millisecond, 2*time.Millisecond
	c, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	id := d.insertAs("sending", "1 hour")
	broken, cut := context.WithCancel(t.Context())
	cut()
	began := time.Now()
	if err := c.Release(broken, one[uuid.UUID](d, `SELECT claimId FROM subMsgList`)); err == nil {
		t.Fatal("released over a broken connection")
	}
	for over := false; !over; {
		over = time.Since(began) > 2*cfg.Lease
		if err := c.ReleaseAgain(broken); err == nil {
			t.Fatal("released over a broken connection, or forgotten")
		}
	}
	if err := c.ReleaseAgain(t.Context()); err != nil || d.status(id) != "wait" {
		t.Errorf("now %s, error %v", d.status(id), err)
	}
}
