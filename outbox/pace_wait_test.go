package outbox_test

import (
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// While messages wait for permits the consumer is awake: inserts call no function, leases and expiry go on. A higher
// rate then finds no debt of the lower one.
func TestWaitingForPermits(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Rate, cfg.Poll = slow, 20*time.Millisecond
	stop := run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 20) AS n`)
	d.eventually(1, "success")
	asked := func() bool {
		return one[bool](d, `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1`)
	}
	d.exec(`SELECT setval('subMsgWake', 1)`) // as another replica does
	eventually(t, "the flag is cleared", func() bool { return !asked() })
	d.exec(`INSERT INTO subMsgList (openid, templateId, expireTime)
		VALUES ('o21', 't', clock_timestamp() + interval '50 ms')`)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		VALUES ('o22', 't', 'sending', gen_random_uuid(), now())`)
	d.noteClaims()
	d.eventually(21, "expired")
	d.eventually(22, "unknown")
	if ch.count() != 1 || asked() {
		t.Errorf("%d sent, asked for wakes: %t", ch.count(), asked())
	}
	if n := d.count(`sendStatus = 'wait' AND attempts = 0`); n != 19 {
		t.Errorf("%d wait untouched, want 19", n)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	cfg = config(d, ch)
	cfg.Rate = 1000
	run(t, cfg)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 20 })
}

// A waiting consumer is woken by nothing and polls nothing, and yet finds the next permit.
func TestNextPermitWithoutWake(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Rate = 4
	run(t, cfg)
	d.asleep()
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 8) AS n`)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 8 })
	d.asleep()
	d.eventually(d.insert(message(9))[0], "success")
}

// With nothing to send a consumer that is woken all the same writes nothing to the bucket, and sleeps.
func TestPacedAndIdle(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.exec(`INSERT INTO subMsgPace (account) VALUES ('default')`)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'x', 'infinity')`)
	d.insert(message(1), outbox.Message{OpenID: "o2", TemplateID: "u", SendAfter: time.Now().Add(time.Hour)})
	cfg := config(d, new(channel))
	cfg.Rate = 100
	run(t, cfg)
	for range 3 {
		d.asleep()
	}
	if got := one[string](d, `SELECT spentUntil::text || ctid::text FROM subMsgPace`); got != "-infinity(0,1)" {
		t.Errorf("the bucket was written: %s", got)
	}
}

// Without a rate the table needn't be there.
func TestNoRate(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.exec(`DROP TABLE subMsgPace`)
	run(t, config(d, new(channel)))
	d.eventually(d.insert(message(1))[0], "success")
}

// A probe is a message like any other: it takes a permit.
func TestProbeTakesPermit(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('bad', 'x', now())`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 'bad'), ('o2', 'good')`)
	cfg := config(d, ch)
	cfg.Rate, cfg.Poll = slow, 20*time.Millisecond
	run(t, cfg)
	d.eventually(1, "success")
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		VALUES ('o3', 't', 'sending', gen_random_uuid(), now())`)
	d.noteClaims()
	d.eventually(3, "unknown") // so there were rounds since
	if got := d.status(2); got != "wait" || ch.count() != 1 {
		t.Errorf("%d sent, the good one is %q", ch.count(), got)
	}
}

// A backlog that uses up every permit puts off neither the test of a pause nor the messages that come after it.
func TestPacedBacklog(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('bad', 'x', now() + interval '300 ms')`)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter)
		SELECT 'o' || n, 't', now() - interval '1 hour' FROM generate_series(1, 1000) AS n`)
	cfg := config(d, ch)
	cfg.Rate = 40
	cfg.Poll = 50 * time.Millisecond
	run(t, cfg)
	eventually(t, "no permit is left", func() bool { return ch.count() > 40 })
	ids := d.insert(outbox.Message{OpenID: "p", TemplateID: "bad"}, message(2000))
	d.eventually(ids[0], "success")
	d.eventually(ids[1], "success")
	if n := d.count(`sendStatus = 'wait'`); n < 500 {
		t.Errorf("only %d of the backlog are left", n)
	}
}
