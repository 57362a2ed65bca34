package outbox_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/submsg/submsg/outbox"
)

// A stopped template keeps its own messages waiting, no others, and goes on by itself when WeChat takes one again.
func TestPausedTemplate(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	var banned atomic.Bool
	banned.Store(true)
	code := int32(43116)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.TemplateID == "bad" && banned.Load() {
			return outbox.Verdict{Outcome: outbox.Halt, Code: &code, Text: "template banned",
				Stops: []string{"bad", "badName"}}
		}
		return accepted(m)
	}}
	cfg := config(d, ch)
	cfg.Senders = 4
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId)
		SELECT 'o' || n, CASE WHEN n % 2 = 0 THEN 'bad' ELSE 'good' END FROM generate_series(1, 200) AS n`)
	eventually(t, "the good ones are sent", func() bool {
		return d.count(`sendStatus = 'success'`) == 100
	})
	pauses := one[string](d, `SELECT string_agg(templateId || ' ' || errCode || ' ' || reason, ', ' ORDER BY templateId)
		FROM subMsgPause`)
	if pauses != "bad 43116 template banned, badName 43116 template banned" {
		t.Errorf("pauses: %s", pauses)
	}
	if n := d.count(`templateId = 'bad' AND sendStatus NOT IN ('wait', 'sending')`); n != 0 {
		t.Errorf("%d messages burnt", n)
	}
	eventually(t, "probes", func() bool {
		return one[int](d, `SELECT probes
		FROM subMsgPause WHERE templateId = 'bad'`) > 2
	})
	banned.Store(false)
	eventually(t, "all are sent", func() bool {
		return d.count(`sendStatus = 'success' AND attempts = 1`) == 200
	})
}

func TestPausedAccountLiftedByHand(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	var over atomic.Bool
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if !over.Load() {
			return outbox.Verdict{Outcome: outbox.Halt, Text: "quota", Stops: []string{outbox.WholeAccount}}
		}
		return accepted(m)
	}}
	cfg := config(d, ch)
	cfg.Senders, cfg.ProbeEvery = 2, never
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 100) AS n`)
	eventually(t, "paused", func() bool {
		return one[int](d, `SELECT count(*) FROM subMsgPause`) == 1 &&
			d.count(`sendStatus = 'wait' AND attempts = 0`) == 100
	})
	if ch.count() > 2*cfg.Senders {
		t.Errorf("%d sent into a stopped account with %d senders", ch.count(), cfg.Senders)
	}
	over.Store(true)
	d.asleep()
	d.exec(`DELETE FROM subMsgPause`)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 100 })
}

// "System busy" for one message is tried again; for everybody it is a pause that burns no attempts.
func TestSystemBusy(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	var busy atomic.Bool
	busy.Store(true)
	code := int32(-1)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if busy.Load() {
			return outbox.Verdict{Outcome: outbox.Later, Code: &code, Text: "system error",
				Stops: []string{outbox.WholeAccount}}
		}
		return accepted(m)
	}}
	cfg := config(d, ch)
	cfg.Senders, cfg.MaxAttempts = 2, 3
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 100) AS n`)
	eventually(t, "probed for a while", func() bool {
		return one[int](d, `SELECT coalesce(max(probes), 0)
		FROM subMsgPause`) > 5
	})
	if n := d.count(`sendStatus NOT IN ('wait', 'sending')`); n != 0 {
		t.Errorf("%d messages burnt", n)
	}
	busy.Store(false)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 100 })
	if n := one[int](d, `SELECT count(*) FROM subMsgPause`); n != 0 {
		t.Errorf("%d pauses left", n)
	}
}

// A refusal of a probe for its own fault shows that the pause is over.
func TestRefusedProbeLifts(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.OpenID == "o1" {
			return outbox.Verdict{Outcome: outbox.Refused, Code: new(int32(47003)), Text: "bad value"}
		}
		return accepted(m)
	}}
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'quota', now())`)
	ids := d.insert(message(1), message(2))
	run(t, config(d, ch))
	d.eventually(ids[0], "fail")
	d.eventually(ids[1], "success")
	if text := one[string](d, `SELECT sendStatusMsg
		FROM subMsgList WHERE id = $1`, ids[0]); !strings.Contains(text, "bad value") {
		t.Errorf("text %q", text)
	}
}

// A gateway that answers 502 leaves each message in doubt; it must not do so to all that wait.
func TestUnknownStormPauses(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Unknown, Text: "502", Stops: []string{outbox.WholeAccount}}
	}}
	cfg := config(d, ch)
	cfg.Senders, cfg.ProbeEvery = 2, never
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 100) AS n`)
	eventually(t, "paused", func() bool {
		return one[int](d, `SELECT count(*) FROM subMsgPause`) == 1 && d.count(`sendStatus = 'sending'`) == 0
	})
	if n := d.count(`sendStatus = 'unknown'`); n < 5 || n > 5+2*cfg.Senders {
		t.Errorf("%d messages in doubt, want 5 and what was in flight", n)
	}
}

// A message that may have been taken isn't called failed when its attempts are used up.
func TestDoubtEndsUnknown(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Later, Doubt: true, Text: "timeout"}
	}}
	cfg := config(d, ch)
	cfg.MaxAttempts = 1
	run(t, cfg)
	d.eventually(d.insert(message(1))[0], "unknown")
}

// A person who holds a pause locked keeps no outcome from being written.
func TestLockedPause(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.TemplateID == "bad" {
			return outbox.Verdict{Outcome: outbox.Halt, Text: "banned", Stops: []string{"bad"}}
		}
		return accepted(m)
	}}
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `INSERT INTO subMsgPause (templateId, reason, probeAt)
		VALUES ('bad', 'by hand', 'infinity')`); err != nil {
		t.Fatal(err)
	}
	cfg := config(d, ch)
	cfg.ProbeEvery = never
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId)
		VALUES ('o1', 'bad'), ('o2', 'good'), ('o3', 'bad'), ('o4', 'bad')`)
	d.eventually(2, "success")
	eventually(t, "the refused ones wait", func() bool { return d.putOff() == 3 })
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// putOff is how many messages wait for long, as if nobody had tried them.
func (d *db) putOff() int {
	d.t.Helper()
	return d.count(`sendStatus = 'wait' AND attempts = 0 AND sendAfter > now() + interval '50 minutes'`)
}

// A pause that the database refuses doesn't let its messages go round and round.
func TestRefusedPause(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Halt, Text: "banned", Stops: []string{"bad"}}
	}}
	d.exec(`ALTER TABLE subMsgPause ADD CONSTRAINT nobody_pauses CHECK (templateId <> 'bad')`)
	cfg := config(d, ch)
	cfg.ProbeEvery = never
	said := recordLog(cfg.Log.Logger)
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 'bad' FROM generate_series(1, 8) AS n`)
	eventually(t, "they wait", func() bool { return d.putOff() == 8 })
	if ch.count() != 8 || !said("nobody_pauses") {
		t.Errorf("%d sends, said: %t", ch.count(), said("nobody_pauses"))
	}
}

// Whatever WeChat says of messages that are on their way, a pause that isn't probed stays as it is: by a halt of
// everything, by a probe's success, by a probe that proved nothing.
func TestOnlyAPersonLifts(t *testing.T) {
	t.Parallel()
	for name, verdict := range map[string]outbox.Verdict{
		"a halt of everything": {Outcome: outbox.Halt, Code: new(int32(45009)), Text: "quota",
			Stops: []string{outbox.WholeAccount}},
		"accepted":     {Outcome: outbox.Accepted, Text: "ok"},
		"refused":      {Outcome: outbox.Refused, Code: new(int32(47003)), Text: "bad"},
		"not rendered": {Outcome: outbox.Refused, Text: "bad"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDB(t)
			gate, sent := make(chan struct{}), make(chan struct{})
			d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt)
				VALUES ('*', 'quota', now())`) // so that it is a probe
			d.insert(message(1))
			run(t, config(d, &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
				close(sent)
				<-gate
				return verdict
			}}))
			<-sent
			d.exec(`UPDATE subMsgPause SET reason = 'by hand', probeAt = 'infinity'`)
			close(gate)
			eventually(t, "it is settled", func() bool { return d.status(1) != "sending" })
			d.asleep()
			if got := one[string](d, `SELECT concat_ws(' ', reason, probeAt, errCode)
				FROM subMsgPause`); got != "by hand infinity" {
				t.Errorf("the pause is %q", got)
			}
		})
	}
}
