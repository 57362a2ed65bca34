package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// raise makes an administrator's trigger that refuses what the condition says of a row.
func (d *db) raise(condition string) {
	d.t.Helper()
	d.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE 'not this one' USING ERRCODE = 'MY001'; END $$`)
	d.exec(`CREATE TRIGGER aa_refuse BEFORE UPDATE ON subMsgList FOR EACH ROW
		WHEN (` + condition + `) EXECUTE FUNCTION refuse()`)
}

const withoutRules = `ALTER TABLE subMsgList DROP CONSTRAINT parameterarr_is_a_plain_list_without_null,
	DROP CONSTRAINT parameterarr_is_at_most_32_values_and_8192_bytes,
	DROP CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space,
	ALTER openid DROP NOT NULL, ALTER templateId DROP NOT NULL, ALTER parameterArr DROP NOT NULL`

// Five messages that nobody can claim, read or settle stand before a hundred others, and hold none of them up.
func TestPoison(t *testing.T) {
	t.Parallel()
	const poison = `INSERT INTO subMsgList (openid, templateId, sendAfter, parameterArr)
		SELECT 'bad' || n, 't', now() - interval '1 day', `
	for _, tt := range []struct {
		name   string
		make   string // the poison
		refuse string // what a trigger refuses
		status string // its end
		text   string
	}{
		{"a NULL among its parameters", poison + `ARRAY['a', NULL] FROM generate_series(1, 5) AS n`, "", "fail", "holds a NULL"},
		{"a nested list", poison + `ARRAY[['a'], ['b']] FROM generate_series(1, 5) AS n`, "", "fail", "nested"},
		{"no list", poison + `NULL FROM generate_series(1, 5) AS n`, "", "fail", "parameterArr"},
		{"a rule that it breaks already", poison + `'{}' FROM generate_series(1, 5) AS n;
			ALTER TABLE subMsgList ADD CHECK (openid NOT LIKE 'bad%') NOT VALID`, "", "wait", ""},
		{"a trigger against its claim", poison + `'{}' FROM generate_series(1, 5) AS n`, `NEW.openid LIKE 'bad%'`, "wait", ""},
		{"a trigger against its outcome", poison + `'{}' FROM generate_series(1, 5) AS n`,
			`NEW.openid LIKE 'bad%' AND NEW.sendStatus <> 'sending'`, "sending", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			cfg := config(d, ch)
			cfg.Senders = 8
			d.exec(withoutRules)
			d.exec(tt.make)
			if tt.refuse != "" {
				d.raise(tt.refuse)
				// What can't be settled is given up at the end. It is the last cleanup, and the trigger goes before.
			}
			d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 100) AS n`)
			run(t, cfg)
			eventually(t, "all others are sent, and these have ended", func() bool {
				return d.count(`sendStatus = 'success'`) == 100 &&
					d.count(`openid LIKE 'bad%' AND sendStatus = $1`, tt.status) == 5
			})
			if tt.text != "" {
				n := one[int](d, `SELECT count(*) FROM subMsgList WHERE openid LIKE 'bad%'
					AND sendStatusMsg LIKE '%' || $1 || '%' AND errKind = 'parameters-broken'`, tt.text)
				if n != 5 {
					t.Errorf("%d rows say why, want 5", n)
				}
			}
			for id, n := range ch.counts() {
				if n > 1 {
					t.Errorf("message %d was sent %d times", id, n)
				}
			}
			d.exec(`DROP TRIGGER IF EXISTS aa_refuse ON subMsgList`)
		})
	}
}

// A row that can't be expired or swept lets the others be.
func TestPoisonAtItsEnd(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgList (openid, templateId, expireTime)
		SELECT 'o' || n, 't', now() FROM generate_series(1, 100) AS n`)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		SELECT 'o' || n, 't', 'sending', gen_random_uuid(), now() FROM generate_series(1, 100) AS n`)
	d.noteClaims()
	d.raise(`NEW.id % 50 = 7`)
	cfg := config(d, ch)
	cfg.Poll = 20 * time.Millisecond
	run(t, cfg)
	id := d.insert(message(1000))[0]
	d.eventually(id, "success")
	eventually(t, "all others come to an end", func() bool {
		return d.count(`sendStatus IN ('expired', 'unknown')`) == 196
	})
}

// A message that can't be claimed doesn't keep a pause from being probed, and one that never comes to the channel
// doesn't lift it.
func TestPoisonedProbe(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if strings.HasPrefix(m.OpenID, "broken") {
			return outbox.Verdict{Outcome: outbox.Refused, Text: "can't be rendered"}
		}
		return outbox.Verdict{Outcome: outbox.Halt, Code: new(int32(45009)), Text: "quota",
			Stops: []string{outbox.WholeAccount}}
	}}
	d.raise(`NEW.openid = 'bad'`)
	cfg := config(d, ch)
	cfg.ProbeEvery = never
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'quota', now())`)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('bad', 't', now() - interval '1 day')`)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter)
		SELECT 'broken' || n, 't', now() - interval '1 hour' FROM generate_series(1, 20) AS n`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 20) AS n`)
	run(t, cfg)
	eventually(t, "the broken ones fail, and the first good one is sent", func() bool {
		return ch.count() > 20 && d.count(`sendStatus = 'fail'`) == 20
	})
	d.asleep()
	if ch.count() != 21 || one[int](d, `SELECT count(*) FROM subMsgPause WHERE probes = 21`) != 1 {
		t.Errorf("%d sent, want 20 that were never asked for and one probe", ch.count())
	}
}

// A message whose sender stops again and again isn't sent without end, whatever its template says.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	for attempts := range 5 {
		d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, attempts, claimId, leaseUntil)
			VALUES ($1, 't', 'sending', $2, gen_random_uuid(), now())`,
			fmt.Sprint("o", attempts), attempts)
	}
	d.noteClaims()
	cfg := config(d, ch)
	cfg.Resend = func(string) bool { return true }
	run(t, cfg)
	eventually(t, "three are sent again", func() bool { return d.count(`sendStatus = 'success'`) == 3 })
	n := d.count(`sendStatus = 'unknown' AND attempts >= 3 AND sendStatusMsg LIKE '%quarantined%'
		AND errKind = 'crashed-repeatedly'`)
	if n != 2 || ch.count() != 3 {
		t.Errorf("%d in quarantine, %d sent; want 2 and 3", n, ch.count())
	}
}

// A verdict may allow fewer tries than the consumer does.
func TestTries(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Later, Code: new(int32(99999)), Text: "strange", Tries: 2}
	}}
	run(t, config(d, ch))
	id := d.insert(message(1))[0]
	d.eventually(id, "fail")
	if got := one[string](d, `SELECT attempts || ' ' || errCode FROM subMsgList WHERE id = $1`, id); got != "2 99999" {
		t.Error(got)
	}
}
