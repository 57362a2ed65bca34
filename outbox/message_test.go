package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/submsg/submsg/outbox"
)

func TestOneMessage(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	run(t, config(d, ch))
	params := []string{"生椰拿铁", `19"9\`, "", "{x}"}
	id := d.insert(outbox.Message{OpenID: "oA", TemplateID: "orderStatus", Params: params, Page: "p"})[0]
	d.eventually(id, "success")
	want := []outbox.Claimed{{ID: id, OpenID: "oA", TemplateID: "orderStatus", Account: "default", Params: params,
		Page: "p", Attempt: 1, Due: one[time.Time](d, `SELECT sendAfter FROM subMsgList`)}}
	// The poll may come before the wake.
	if diff := cmp.Diff(want, ch.sent, cmpopts.IgnoreFields(outbox.Claimed{}, "Woken")); diff != "" {
		t.Error(diff)
	}
	row := one[string](d, `SELECT concat_ws('|', sendStatusMsg, errCode, msgId, attempts, leaseUntil IS NULL,
		sendTime > createTime, updateTime >= sendTime) FROM subMsgList`)
	if want := fmt.Sprintf("ok|0|%d|1|t|t|t", 1<<60+id); row != want {
		t.Errorf("row %s, want %s", row, want)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	code := int32(43101)
	for _, tt := range []struct {
		name    string
		verdict outbox.Verdict
		want    string // status|text|code|kind|msgid|attempts|settled|delayed
	}{
		{"accepted", outbox.Verdict{Outcome: outbox.Accepted, Code: new(int32), MsgID: 9007199254740993},
			"success||0||9007199254740993|1|t|f"},
		{"refused", outbox.Verdict{Outcome: outbox.Refused, Code: &code, Text: "no"}, "fail|no|43101|||1|t|f"},
		{"refused for a kind", outbox.Verdict{Outcome: outbox.Refused, Kind: "template-missing", Text: "no"},
			"fail|no||template-missing||1|t|f"},
		{"unknown", outbox.Verdict{Outcome: outbox.Unknown, Kind: "answer-missing", Text: "cut"},
			"unknown|cut||answer-missing||1|t|f"},
		{"zero", outbox.Verdict{}, "unknown|||||1|t|f"},
		{"later", outbox.Verdict{Outcome: outbox.Later, Code: &code, Text: "busy", After: time.Hour},
			"wait|busy|43101|||1|f|t"},
		{"later for a kind", outbox.Verdict{Outcome: outbox.Later, Kind: "unreachable", Text: "away", After: time.Hour},
			"wait|away||unreachable||1|f|t"},
		{"halt", outbox.Verdict{Outcome: outbox.Halt, Code: &code, Text: "stop", Stops: []string{"t"}},
			"wait|stop|43101|||0|f|f"},
		{"halt for a kind",
			outbox.Verdict{Outcome: outbox.Halt, Kind: "address-wrong", Text: "stop", Stops: []string{"t"}},
			"wait|stop||address-wrong||0|f|f"},
		{"text that can't be stored",
			outbox.Verdict{Outcome: outbox.Refused, Text: "a\x00b\xffc" + strings.Repeat("长", 2000)},
			"fail|ab\uFFFDc" + strings.Repeat("长", 995) + "…||||1|t|f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t)
			ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict { return tt.verdict }}
			cfg := config(d, ch)
			cfg.ProbeEvery = never
			run(t, cfg)
			d.insert(message(1))
			eventually(t, "settled", func() bool {
				return ch.count() == 1 && one[bool](d, `SELECT claimId IS NOT NULL AND sendStatus <> 'sending'
					FROM subMsgList`)
			})
			got := one[string](d, `SELECT format('%s|%s|%s|%s|%s|%s|%s|%s', sendStatus, sendStatusMsg, errCode, errKind,
				msgId, attempts, sendTime IS NOT NULL, sendAfter > now() + interval '50 minutes') FROM subMsgList`)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			paused := one[string](d, `SELECT coalesce(max(concat_ws('|', templateId, errCode, errKind)), '')
				FROM subMsgPause`)
			want := map[string]string{"halt": "t|43101", "halt for a kind": "t|address-wrong"}[tt.name]
			if paused != want {
				t.Errorf("paused %q, want %q", paused, want)
			}
		})
	}
}

func TestPanickingSender(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.OpenID == "o1" {
			panic("poison")
		}
		return accepted(m)
	}}
	run(t, config(d, ch))
	ids := d.insert(message(1), message(2))
	d.eventually(ids[0], "unknown")
	d.eventually(ids[1], "success")
	d.hasKind(ids[0], "internal-error")
}

func TestLaterGivesUp(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Later, Text: "busy"}
	}}
	cfg := config(d, ch)
	cfg.MaxAttempts = 2
	run(t, cfg)
	id := d.insert(message(1))[0]
	d.eventually(id, "fail")
	if text := one[string](d, `SELECT sendStatusMsg
		FROM subMsgList`); ch.count() != 2 || !strings.Contains(text, "2 次") || !strings.Contains(text, "busy") {
		t.Errorf("sent %d times, %q", ch.count(), text)
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	run(t, config(d, ch))
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('o1', 't', now() + interval '300 ms')`)
	d.eventually(1, "success") // by the timer: there is no poll
	if early := one[bool](d, `SELECT sendTime < sendAfter FROM subMsgList`); early {
		t.Error("sent before sendAfter")
	}
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter)
		VALUES ('o1', 't', 'infinity'), ('o2', 't', 'infinity')`)
	d.exec(`UPDATE subMsgList SET sendAfter = now() WHERE id = 3`) // brought forward by hand
	d.eventually(3, "success")
	if s := d.status(2); s != "wait" {
		t.Errorf("scheduled for infinity, but %s", s)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	run(t, config(d, ch))
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter, expireTime) VALUES
		('o1', 't', now(), now() - interval '1 s'),
		('o2', 't', now() + interval '1 h', now() + interval '300 ms'),
		('o3', 't', now(), now() + interval '1 h')`)
	d.eventually(1, "expired")
	d.eventually(2, "expired")
	d.eventually(3, "success")
	d.hasKind(1, "expired")
	if ch.count() != 1 {
		t.Errorf("%d sent, want 1", ch.count())
	}
}

// A row whose lease is over is unknown, not wait: it may have been sent.
func TestSweep(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Resend = func(template string) bool { return template == "again" }
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil, attempts) VALUES
		('o1', 't', 'sending', gen_random_uuid(), now() - interval '1 ms', 1),
		('o2', 'again', 'sending', gen_random_uuid(), now() - interval '1 ms', 1),
		('o3', 't', 'sending', gen_random_uuid(), now() + interval '1 h', 1)`)
	d.noteClaims()
	run(t, cfg)
	d.eventually(1, "unknown")
	d.eventually(2, "success")
	d.hasKind(1, "crashed")
	d.hasKind(2, "")
	if s := d.status(3); s != "sending" {
		t.Errorf("within its lease, but %s", s)
	}
	if ch.count() != 1 {
		t.Errorf("%d sent, want 1", ch.count())
	}
}

// The sender answers after the sweep has given up: the truth still settles the row, unless a person decided.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ edit, want string }{
		{``, "success"},
		{`UPDATE subMsgList SET sendStatus = 'cancel'`, "cancel"},
		{`DELETE FROM subMsgList`, ""},
	} {
		t.Run("edit "+tt.edit, func(t *testing.T) {
			d, answer := newDB(t), make(chan outbox.Verdict)
			ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict { return <-answer }}
			stop := run(t, config(d, ch))
			id := d.insert(message(1))[0]
			d.eventually(id, "sending")
			d.exec(`UPDATE subMsgList SET sendStatus = 'unknown', leaseUntil = NULL`) // as the sweep does
			if tt.edit != "" {
				d.exec(tt.edit)
			}
			answer <- outbox.Verdict{Outcome: outbox.Accepted}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if got := one[string](d, `SELECT coalesce((SELECT sendStatus FROM subMsgList), '')`); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A person who holds a row locked holds up that row only.
func TestLockedRow(t *testing.T) {
	t.Parallel()
	d, answer := newDB(t), make(chan struct{})
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		<-answer
		return accepted(m)
	}}
	cfg := config(d, ch)
	run(t, cfg)
	var messages []outbox.Message
	for n := range 20 {
		messages = append(messages, message(n))
	}
	ids := d.insert(messages...)
	eventually(t, "all are in flight", func() bool { return ch.count() == len(ids) })
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM subMsgList WHERE id = $1 FOR UPDATE`, ids[0]); err != nil {
		t.Fatal(err)
	}
	close(answer)
	for _, id := range ids[1:] {
		d.eventually(id, "success")
	}
	if s := d.status(ids[0]); s != "sending" {
		t.Errorf("the locked row is %s", s)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.eventually(ids[0], "success")
}

func TestSenderNotReady(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	var ready atomic.Bool
	ch := &channel{ready: func() outbox.Verdict {
		if ready.Load() {
			return outbox.Verdict{Outcome: outbox.Accepted}
		}
		return outbox.Verdict{Outcome: outbox.Halt, Text: "wrong secret"}
	}}
	cfg := config(d, ch)
	cfg.Poll = 5 * time.Millisecond
	run(t, cfg)
	id := d.insert(message(1))[0]
	if s := d.status(id); s != "wait" {
		t.Errorf("claimed as %s without a token", s)
	}
	ready.Store(true)
	d.eventually(id, "success")
	if n := one[int](d, `SELECT attempts FROM subMsgList`); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// While nothing can be sent, leases and expiry go on.
func TestTidiesWhileNotReady(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{ready: func() outbox.Verdict { return outbox.Verdict{Outcome: outbox.Halt, Text: "wrong secret"} }}
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		VALUES ('o1', 't', 'sending', gen_random_uuid(), now() - interval '1 ms')`)
	d.noteClaims()
	d.exec(`INSERT INTO subMsgList (openid, templateId, expireTime) VALUES ('o2', 't', now() - interval '1 ms')`)
	d.noteClaims()
	run(t, config(d, ch))
	d.eventually(1, "unknown")
	d.eventually(2, "expired")
}
