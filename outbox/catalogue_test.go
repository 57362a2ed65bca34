package outbox_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// filed is a channel that knows templates, each with its number of parameters, as serve does by its files.
type filed struct {
	channel
	knows atomic.Pointer[catalogue]
	began func(outbox.Claimed) // before a message is judged; nil: nothing happens
}

// catalogue is what template files say.
type catalogue struct {
	counts   map[string]int
	accounts []outbox.Account
}

// files lets it know other templates.
func (f *filed) files(counts map[string]int) {
	f.knows.Store(&catalogue{counts, []outbox.Account{{Name: "default", Templates: slices.Collect(maps.Keys(counts))}}})
}

func (f *filed) Accounts() []outbox.Account { return f.knows.Load().accounts }

func newFiled(counts map[string]int) *filed {
	f := new(filed)
	f.files(counts)
	f.channel.answer = func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if f.began != nil {
			f.began(m)
		}
		n, ok := f.knows.Load().counts[m.TemplateID]
		switch {
		case !ok:
			return outbox.Verdict{Outcome: outbox.Refused, Kind: "template-missing", Text: "no", Misfit: true}
		case n != len(m.Params):
			return outbox.Verdict{Outcome: outbox.Refused, Kind: "template-mismatch", Text: "no", Misfit: true}
		}
		return accepted(m)
	}
	return f
}

// soon is a TemplateWait that is over at once, so that only another replica keeps a message from being refused.
const soon = time.Nanosecond

// serving runs a consumer of these files.
func (d *db) serving(f *filed, wait time.Duration, change ...func(*outbox.Config)) (stop func() error) {
	d.t.Helper()
	cfg := config(d, f)
	cfg.Poll, cfg.TemplateWait = 20*time.Millisecond, wait
	cfg.Catalogue = func() map[string]int { return f.knows.Load().counts }
	for _, c := range change {
		c(&cfg)
	}
	return run(d.t, cfg)
}

// another is a living replica of which there is only what it says of itself.
func (d *db) another(templateID string, params int) (replica string) {
	d.t.Helper()
	return one[string](d, `WITH r AS (
			INSERT INTO subMsgReplica (replica, host, pid, accounts, trouble, inHand, ahead, behind, refused, reasons)
			VALUES (gen_random_uuid(), 'another', 1, '{}', '', 0, 0, '{}', 0, '{}') RETURNING replica)
		INSERT INTO subMsgReplicaTemplate (templateId, replica, paramCount) SELECT $1, replica, $2 FROM r RETURNING replica`,
		templateID, params)
}

func (d *db) silence(replica string) {
	d.t.Helper()
	d.exec(`UPDATE subMsgReplica SET seen = now() - interval '91 s' WHERE replica = $1`, replica)
}

// of inserts a message with so many parameters, and returns its id.
func (d *db) of(openid, templateID string, params int) int64 {
	d.t.Helper()
	return d.insert(outbox.Message{OpenID: openid, TemplateID: templateID, Params: make([]string, params)})[0]
}

// passes lets messages of x go by one after the other, with a look between them.
func (d *db) passes() {
	d.t.Helper()
	for range 3 {
		d.eventually(d.of("passer-by", "x", 1), "success")
		time.Sleep(50 * time.Millisecond)
	}
}

// untouched checks that a message waits as it did when it was inserted.
func (d *db) untouched(id int64) {
	d.t.Helper()
	if !one[bool](d, `SELECT sendStatus = 'wait' AND attempts = 0 AND sendStatusMsg IS NULL AND sendAfter = createTime
		FROM subMsgList WHERE id = $1`, id) {
		d.t.Errorf("not as it was: %s", one[string](d, `SELECT row_to_json(m)::text FROM subMsgList m WHERE id = $1`, id))
	}
}

// A templateId that nobody knows is refused, after a while in which somebody might have begun to know it.
func TestTemplateThatNobodyKnows(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1})
	d.serving(f, 300*time.Millisecond)
	id := d.of("o", "z", 1)
	d.eventually(d.of("o", "x", 1), "success")
	d.eventually(id, "fail")
	d.hasKind(id, "template-missing")
	if !one[bool](d, `SELECT attempts = 1 AND sendTime >= createTime + interval '300 ms' FROM subMsgList WHERE id = $1`, id) {
		t.Error("it was refused too early, or tried again")
	}
}

// A message is left to a living replica that knows its template, and is refused when that one has died.
func TestTemplateOfAnotherReplica(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1})
	b := d.another("y", 1)
	d.serving(f, soon)
	id := d.of("o", "y", 1)
	d.passes()
	d.untouched(id)
	if n := f.counts()[id]; n != 0 {
		t.Errorf("it was handed to the sender %d times", n)
	}
	d.silence(b)
	d.eventually(id, "fail")
}

// A message whose number of parameters fits another replica's file is left to that one; one that fits nobody's fails at
// once. While one is left alone, the consumer sleeps.
func TestParametersOfAnotherReplica(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1})
	b := d.another("x", 2)
	d.serving(f, never)
	theirs := d.of("o", "x", 2)
	none := d.of("p", "x", 3)
	d.eventually(none, "fail")
	d.hasKind(none, "template-mismatch")
	d.passes()
	d.untouched(theirs)
	if n := f.counts()[theirs]; n > 1 { // once before it was asked who knows its template
		t.Errorf("it was handed to the sender %d times", n)
	}
	d.silence(b)
	d.eventually(theirs, "fail")
}

// rests waits until the consumer leaves the database alone for longer than it does where something is due.
func (d *db) rests() {
	d.t.Helper()
	d.asleep()
	eventually(d.t, "the consumer rests", func() bool {
		return one[bool](d, `SELECT bool_and(state = 'idle' AND clock_timestamp() - state_change > interval '500 ms')
			FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'consumer'`)
	})
}

// What a replica leaves alone keeps it neither busy nor awake.
func TestLeftAloneInSleep(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1})
	d.another("x", 2)
	d.another("y", 1)
	d.serving(f, never, func(cfg *outbox.Config) { cfg.Poll = never })
	ids := []int64{d.of("o", "x", 2), d.of("o", "y", 1), d.of("o", "z", 1)}
	d.rests()
	d.eventually(d.of("o", "x", 1), "success")
	d.rests()
	for i, id := range ids {
		d.untouched(id)
		// Of a template that it knows, a message is handed over once before it is asked who else knows it.
		if n := f.counts()[id]; n > 1 || n > 0 && i > 0 {
			t.Errorf("message %d was handed to the sender %d times", id, n)
		}
	}
}

// A replica that says what it knows while another one refuses its message still gets that message.
func TestTemplatePublishedInMidSend(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		template string
		params   int
	}{"another number of parameters": {"x", 2}, "another template": {"y", 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := newDB(t), newFiled(map[string]int{"x": 1})
			var b atomic.Pointer[string]
			f.began = func(c outbox.Claimed) {
				if c.OpenID == "o" && b.Load() == nil {
					replica := d.another(m.template, m.params)
					b.Store(&replica)
				}
			}
			d.serving(f, soon)
			id := d.of("o", m.template, m.params)
			eventually(t, "it was refused", func() bool { return b.Load() != nil })
			d.passes()
			d.untouched(id)
			if n := f.counts()[id]; n != 1 {
				t.Errorf("it was handed to the sender %d times", n)
			}
			d.silence(*b.Load())
			d.eventually(id, "fail")
		})
	}
}

// Two replicas with files of their own share the messages by them, also while one of them is restarted, or has lost a
// file for a moment.
func TestReplicasOfSeveralCatalogues(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	old, young := newFiled(map[string]int{"x": 1}), newFiled(map[string]int{"x": 2, "y": 1})
	d.serving(old, never)
	stop := d.serving(young, never)
	insert := func() (ids []int64) {
		for range 50 {
			ids = append(ids, d.of("o", "x", 1), d.of("p", "x", 2), d.of("q", "y", 1))
		}
		return ids
	}
	succeed := func(ids []int64) {
		t.Helper()
		eventually(t, "all are sent", func() bool { return d.count(`id = ANY ($1) AND sendStatus = 'success'`, ids) == len(ids) })
	}
	eventually(t, "both have said what they know", func() bool {
		return one[int](d, `SELECT count(*) FROM subMsgReplicaTemplate`) == 3
	})
	succeed(insert())
	if err := stop(); err != nil {
		t.Error(err)
	}
	ids := insert()
	eventually(t, "the old one's are sent", func() bool {
		return d.count(`openid = 'o' AND templateId = 'x' AND sendStatus = 'success'`) == 100
	})
	d.serving(young, never)
	if n := d.count(`sendStatus = 'fail' AND templateId = 'y'`); n != 0 {
		t.Errorf("%d failed of a template whose replica was restarted", n)
	}
	eventually(t, "all are sent of the new template", func() bool {
		return d.count(`id = ANY ($1) AND templateId = 'y' AND sendStatus = 'success'`, ids) == 50
	})
	young.files(map[string]int{"x": 2})
	eventually(t, "nobody knows it", func() bool {
		return one[int](d, `SELECT count(*) FROM subMsgReplicaTemplate WHERE templateId = 'y'`) == 0
	})
	id := d.of("q", "y", 1)
	d.passes()
	d.untouched(id)
	young.files(map[string]int{"x": 2, "y": 1})
	d.eventually(id, "success")
}

// A probe of the account takes no message that is left to another replica, although that one has waited for longest.
func TestProbeOfAnotherCatalogue(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1})
	d.another("y", 1)
	d.another("x", 2)
	theirs := []int64{d.of("o", "y", 1), d.of("o", "x", 2), d.of("o", "z", 1)}
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'x', now() + interval '100 ms')`)
	d.serving(f, never)
	d.eventually(d.of("p", "x", 1), "success")
	for _, id := range theirs {
		d.untouched(id)
		if n := f.counts()[id]; n != 0 {
			t.Errorf("message %d was handed to the sender %d times", id, n)
		}
	}
}

// A replica takes no permits for messages that are another one's.
func TestPermitsOfAnotherCatalogue(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1})
	d.another("y", 1)
	d.another("x", 2)
	d.of("o", "y", 1)
	d.of("o", "x", 2)
	d.serving(f, never, func(cfg *outbox.Config) { cfg.Poll, cfg.Rate = never, 10 })
	d.asleep()
	if !one[bool](d, `SELECT coalesce(bool_and(spentUntil = '-infinity'), true) FROM subMsgPace`) {
		t.Error("it took permits")
	}
	d.eventually(d.of("p", "x", 1), "success")
}

// What a replica knows is there again when its row was deleted, as that of one that was silent for long is.
func TestCatalogueIsSaidAgain(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1, "y": 2})
	d.serving(f, never)
	said := func() bool {
		return one[string](d, `SELECT coalesce(string_agg(templateId || paramCount, ' ' ORDER BY 1), '') FROM subMsgReplicaTemplate
			JOIN subMsgReplica USING (replica)`) == "x1 y2"
	}
	eventually(t, "it is said", said)
	d.exec(`DELETE FROM subMsgReplica`)
	if one[int](d, `SELECT count(*) FROM subMsgReplicaTemplate`) != 0 {
		t.Error("what a replica knew has outlived it")
	}
	f.channel.mu.Lock()
	f.channel.ready = func() outbox.Verdict { return outbox.Verdict{Outcome: outbox.Halt, Text: "no token"} }
	f.channel.mu.Unlock()
	eventually(t, "it is said again", said)
}

// A message that was claimed while its template was known isn't refused because its file is gone when it is to be sent.
func TestTemplateLostInMidSend(t *testing.T) {
	t.Parallel()
	d, f := newDB(t), newFiled(map[string]int{"x": 1, "y": 1})
	var lost sync.Once
	f.began = func(c outbox.Claimed) {
		if c.TemplateID == "y" {
			lost.Do(func() {
				f.files(map[string]int{"x": 1})
				d.exec(`DELETE FROM subMsgReplicaTemplate WHERE templateId = 'y'`) // as it will say itself in a moment
			})
		}
	}
	d.serving(f, never)
	eventually(t, "it has said what it knows", func() bool {
		return one[int](d, `SELECT count(*) FROM subMsgReplicaTemplate`) == 2
	})
	id := d.of("o", "y", 1)
	eventually(t, "the file is gone", func() bool { return len(f.knows.Load().counts) == 1 })
	d.passes()
	d.untouched(id)
	f.files(map[string]int{"x": 1, "y": 1})
	d.eventually(id, "success")
}
