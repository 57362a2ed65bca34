package outbox_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/submsg/submsg/outbox"
)

// Where everybody's message of a template is refused alike, the reason isn't in the messages: they wait, but for some
// that were needed to see it, and the other templates go on. A refused probe changes nothing; an accepted one does.
func TestEverythingRefused(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	code := int32(40003)
	var well atomic.Bool
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.TemplateID == "bad" && !well.Load() {
			return outbox.Verdict{Outcome: outbox.Refused, Code: &code, Text: "invalid openid"}
		}
		return accepted(m)
	}}
	cfg := config(d, ch)
	cfg.Senders = 4
	said := recordLog(cfg.Log.Logger)
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId)
		SELECT 'o' || n, CASE WHEN n % 2 = 0 THEN 'bad' ELSE 'good' END FROM generate_series(1, 1000) AS n`)
	eventually(t, "the good ones are sent, the bad ones are paused and were probed", func() bool {
		return d.count(`templateId = 'good' AND sendStatus = 'success'`) == 500 &&
			one[int](d, `SELECT coalesce(max(probes), 0) FROM subMsgPause WHERE templateId = 'bad' AND errCode = 40003
				AND errKind = 'everything-refused' AND reason LIKE '%DELETE FROM subMsgPause%invalid openid%'`) > 2
	})
	if n := d.count(`sendStatus = 'fail'`); n < 20 || n > 20+2*cfg.Senders+10 { // and the probes
		t.Errorf("%d messages burnt", n)
	}
	if !said("in a row") {
		t.Error("nobody was told")
	}
	well.Store(true)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus IN ('wait', 'sending')`) == 0 })
}

// What is refused for each person's own sake pauses nothing, nor do refusals with a success between.
func TestManyRefused(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	code := int32(43101)
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.TemplateID == "mixed" && m.ID%10 == 0 {
			return accepted(m)
		}
		return outbox.Verdict{Outcome: outbox.Refused, Code: &code, Text: "refused",
			Personal: m.TemplateID == "personal"}
	}}
	run(t, config(d, ch))
	d.exec(`INSERT INTO subMsgList (openid, templateId)
		SELECT 'o' || n, t FROM generate_series(1, 200) AS n, unnest('{personal,mixed}'::text[]) AS t`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'same', 'person' FROM generate_series(1, 100)`)
	eventually(t, "all have ended", func() bool { return d.count(`sendStatus IN ('wait', 'sending')`) == 0 })
	if n := d.count(`sendStatus = 'fail'`); n < 460 {
		t.Errorf("%d refused", n)
	}
	if pauses := one[int](d, `SELECT count(*) FROM subMsgPause`); pauses != 0 {
		t.Errorf("%d pauses", pauses)
	}
}
