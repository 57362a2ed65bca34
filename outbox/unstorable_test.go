package outbox_test

import (
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

const guardSuccess = `CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.sendStatus = 'success' AND NEW.openid LIKE 'bad%' THEN
		RAISE 'not allowed by the auditor' USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW; END $$;
	CREATE TRIGGER audit BEFORE UPDATE ON subMsgList FOR EACH ROW EXECUTE FUNCTION audit()`

// Outcomes that an administrator's trigger refuses are kept, and nobody calls their messages unknown or sends them
// again, however long that lasts and whatever the template says. They hold up no others while they are few.
func TestOutcomesThatCantBeStored(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(guardSuccess)
	cfg := config(d, ch)
	cfg.Senders, cfg.Poll, cfg.SendTimeout, cfg.Lease = 8, 20*time.Millisecond, 500*time.Millisecond, time.Second
	cfg.Resend = func(string) bool { return true }
	stop := run(t, cfg)
	otherChannel := new(channel)
	other := config(d, otherChannel)
	other.Poll, other.SendTimeout, other.Lease, other.Resend = cfg.Poll, cfg.SendTimeout, cfg.Lease, cfg.Resend
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'bad' || n, 't' FROM generate_series(1, 4) AS n`)
	eventually(t, "the bad ones are sent", func() bool { return ch.count() == 4 })
	run(t, other) // would sweep what is over
	lease := one[time.Time](d, `SELECT max(leaseUntil) FROM subMsgList`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 200) AS n`)
	eventually(t, "the good ones succeed", func() bool { return d.count(`sendStatus = 'success'`) == 200 })
	eventually(t, "twice their lease is over", func() bool {
		return one[bool](d, `SELECT now() > $1::timestamptz + interval '1 s'`, lease)
	})
	if n := d.count(`openid LIKE 'bad%' AND sendStatus = 'sending'`); n != 4 {
		t.Errorf("%d of 4 are still in the hand of the one who knows that they were sent", n)
	}
	d.exec(`DROP TRIGGER audit ON subMsgList`)
	if err := stop(); err != nil { // which stores them
		t.Error(err)
	}
	if n := d.count(`sendStatus = 'success' AND attempts = 1`); n != 204 || ch.count()+otherChannel.count() != 204 {
		t.Errorf("%d of 204 succeeded at once, %d sent", n, ch.count()+otherChannel.count())
	}
}

// Where nothing can be stored, sending stops when as many outcomes are in the air as there are senders, and everybody
// is told.
func TestNothingCanBeStored(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(guardSuccess)
	cfg := config(d, ch)
	cfg.Senders, cfg.Poll = 4, 20*time.Millisecond
	said := recordLog(cfg.Log.Logger)
	c, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	runConsumer(t, c)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'bad' || n, 't' FROM generate_series(1, 500) AS n`)
	eventually(t, "it says that nothing more is sent", func() bool {
		return c.Trouble() != "" && said("so nothing more is sent")
	})
	if n := ch.count(); n > 2*9*cfg.Senders {
		t.Errorf("%d sent, and none of that is stored", n)
	}
	d.exec(`DROP TRIGGER audit ON subMsgList`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o', 't')`)
	eventually(t, "it goes on", func() bool { return d.count(`sendStatus = 'success'`) == 501 && c.Trouble() == "" })
	if ch.count() != 501 {
		t.Errorf("%d sent, want 501", ch.count())
	}
}

// A right or a column that is missing for a while is trouble of the database and no fault of rows: none of them is left
// alone for a minute.
func TestRightsAreNotRows(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Poll = 20 * time.Millisecond
	said := recordLog(cfg.Log.Logger)
	run(t, cfg)
	d.exec(`ALTER TABLE subMsgList RENAME attempts TO tries`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 50) AS n`)
	eventually(t, "the log says so", func() bool { return said("attempts") })
	d.exec(`ALTER TABLE subMsgList RENAME tries TO attempts`)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 50 })
	if said("lets nobody write") {
		t.Error("rows are blamed")
	}
}
