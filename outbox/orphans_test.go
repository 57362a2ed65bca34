package outbox_test

import "testing"

// Rows that came without their claims, as from a dump of subMsgList alone, become unknown when their lease is over.
func TestOrphans(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil) VALUES
		('o1', 't', 'sending', gen_random_uuid(), now() - interval '1 h'),
		('o2', 't', 'sending', gen_random_uuid(), now() + interval '300 ms'),
		('o3', 't', 'sending', gen_random_uuid(), now() + interval '1 h')`)
	run(t, config(d, ch))
	d.eventually(1, "unknown")
	d.eventually(2, "unknown")
	if s := d.status(3); s != "sending" {
		t.Errorf("within its lease, but %s", s)
	}
	if ch.count() != 0 {
		t.Errorf("%d sent, want none", ch.count())
	}
}
