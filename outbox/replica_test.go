package outbox_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// People see in subMsgReplica what only the memory of a process knows, for as long as it runs.
func TestReplicaSaysWhatItKnows(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	var ready atomic.Bool
	held := make(chan struct{})
	ch := &channel{ready: func() outbox.Verdict {
		if ready.Load() {
			return outbox.Verdict{Outcome: outbox.Accepted}
		}
		return outbox.Verdict{Outcome: outbox.Halt, Text: "no token today"}
	}, answer: func(ctx context.Context, m outbox.Claimed) outbox.Verdict {
		if m.OpenID == "slow" {
			select {
			case <-held:
			case <-ctx.Done():
			}
		}
		return outbox.Verdict{Outcome: outbox.Accepted}
	}}
	d.exec(`INSERT INTO subMsgReplica (replica, host, pid, accounts, trouble, inHand, ahead, behind, refused, reasons, seen)
		SELECT gen_random_uuid(), 'gone', 1, '{}', '', 0, 0, '{}', 0, '{}', now() - interval '2 min'`)
	cfg := config(d, ch)
	cfg.Poll = 20 * time.Millisecond
	stop := run(t, cfg)
	says := func(what, condition string) {
		t.Helper()
		eventually(t, what, func() bool {
			return one[bool](d, `SELECT count(*) = 1 AND coalesce(bool_and(`+condition+`), false) FROM subMsgReplica WHERE host <> '' AND pid > 1`)
		})
	}
	says("it isn't ready", `accounts->>'default' = 'no token today' AND refused = 0`)
	ready.Store(true)
	says("it is ready", `accounts = '{"default": ""}'`)
	d.exec(guardSuccess)
	ids := d.insert(outbox.Message{OpenID: "bad", TemplateID: "t"}, outbox.Message{OpenID: "slow", TemplateID: "t"},
		outbox.Message{OpenID: "slow", TemplateID: "t"})
	says("an outcome is refused, a message waits behind another", `refused = 1 AND inHand = 3 AND ahead = 1`)
	why := one[string](d, `SELECT reasons->>($1::bigint)::text FROM subMsgReplica WHERE behind = ARRAY[$2::bigint]`, ids[0], ids[2])
	if !strings.Contains(why, "not allowed by the auditor") {
		t.Errorf("refused because %q", why)
	}
	close(held)
	d.exec(`DROP TRIGGER audit ON subMsgList`)
	says("all is well", `refused = 0 AND reasons = '{}' AND behind = '{}' AND inHand = 0`)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgReplica`); n != 0 {
		t.Errorf("%d rows after it has stopped", n)
	}
}

// Who may not write that row sends all the same, and says so.
func TestReplicaThatMayNotSaySo(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`ALTER TABLE subMsgReplica ADD CHECK (false)`)
	cfg := config(d, ch)
	said := recordLog(cfg.Log.Logger)
	stop := run(t, cfg)
	d.eventually(d.insert(outbox.Message{OpenID: "o", TemplateID: "t"})[0], "success")
	eventually(t, "it is said", func() bool { return said("submsg status can't see this process") })
	if err := stop(); err != nil {
		t.Error(err)
	}
}
