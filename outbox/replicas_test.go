package outbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// gated accepts one message for each receive from gate.
func gated(gate <-chan struct{}) func(context.Context, outbox.Claimed) outbox.Verdict {
	return func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		<-gate
		return accepted(m)
	}
}

// Several consumers on one database send each message exactly once, and all of them work.
func TestReplicas(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	const messages, replicas = 3000, 3
	channels := make([]*channel, replicas)
	// No send ends before each replica has begun one: a fast replica would leave nothing to a slow one.
	var idle sync.WaitGroup
	idle.Add(replicas)
	for i := range channels {
		works := sync.OnceFunc(idle.Done)
		channels[i] = &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
			works()
			idle.Wait()
			return accepted(m)
		}}
		cfg := config(d, channels[i])
		cfg.Senders = 8
		run(t, cfg)
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for range 3 {
				d.exec(`INSERT INTO subMsgList (openid, templateId)
					SELECT 'o' || $1::int * 1000 + n % 200, 't' FROM generate_series(1, $2::int) AS n`, w, messages/12)
			}
		})
	}
	writers.Wait()
	eventually(t, "all are sent", func() bool {
		return d.count(`sendStatus = 'success'`) == messages
	})
	sent := make(map[int64]int)
	for i, ch := range channels {
		if ch.count() == 0 {
			t.Errorf("replica %d sent nothing", i)
		}
		for id, n := range ch.counts() {
			sent[id] += n
		}
	}
	for id, n := range sent {
		if n != 1 {
			t.Errorf("message %d was sent %d times", id, n)
		}
	}
	if len(sent) != messages {
		t.Errorf("%d messages sent, want %d", len(sent), messages)
	}
}

// WeChat refuses parallel calls for one openid, so one person is sent one message at a time.
func TestOnePersonAtATime(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Senders = 16
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n % 3, 't' FROM generate_series(1, 150) AS n`)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 150 })
	if ch.most != 1 {
		t.Errorf("up to %d at once to one person", ch.most)
	}
}

// A person with many messages doesn't hold up the others behind him.
func TestManyToOneDontHoldUpOthers(t *testing.T) {
	t.Parallel()
	d, gate := newDB(t), make(chan struct{})
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if m.OpenID == "slow" {
			<-gate
		}
		return accepted(m)
	}}
	cfg := config(d, ch)
	cfg.Senders = 4
	run(t, cfg)
	defer close(gate)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'slow', 't' FROM generate_series(1, 500)`)
	ids := d.insert(message(1), message(2))
	d.eventually(ids[0], "success")
	d.eventually(ids[1], "success")
}

// No row says "sending" without a sender: a claim takes no more than are free.
func TestClaimsNoMoreThanSenders(t *testing.T) {
	t.Parallel()
	d, gate := newDB(t), make(chan struct{})
	ch := &channel{answer: gated(gate)}
	cfg := config(d, ch)
	cfg.Senders = 3
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 10) AS n`)
	eventually(t, "three are in flight", func() bool { return ch.count() == 3 })
	if n := d.count(`sendStatus = 'sending'`); n != 3 {
		t.Errorf("%d rows are sending", n)
	}
	close(gate)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 10 })
}

// Shutting down finishes what has begun, leaves the rest waiting, and nothing in between.
func TestDrain(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	ch := &channel{answer: func(ctx context.Context, m outbox.Claimed) outbox.Verdict {
		select {
		case <-time.After(time.Millisecond): // a wire
		case <-ctx.Done():
			return outbox.Verdict{Outcome: outbox.Unknown, Text: "cut off"}
		}
		return accepted(m)
	}}
	stop := run(t, config(d, ch))
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 20000) AS n`)
	eventually(t, "under load", func() bool { return ch.count() > 500 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	got := one[string](d, `SELECT string_agg(sendStatus, ',' ORDER BY sendStatus)
		FROM (SELECT DISTINCT sendStatus FROM subMsgList) AS s`)
	done := d.count(`sendStatus = 'success'`)
	if got != "success,wait" || done != ch.count() {
		t.Errorf("statuses %s, %d succeeded of %d sent", got, done, ch.count())
	}
}

// Connections die all the time; nothing is lost and nothing is sent twice.
func TestConnectionsKilled(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Poll = 50 * time.Millisecond
	run(t, cfg)
	const messages = 3000
	d.exec(`INSERT INTO subMsgList (openid, templateId)
		SELECT 'o' || n, 't' FROM generate_series(1, $1::int) AS n`, messages)
	admin := newAdmin(t, d.url)
	settled := func() (n int) {
		if err := admin.QueryRow(t.Context(), `SELECT count(*)
			FROM subMsgList WHERE sendStatus NOT IN ('wait', 'sending')`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for goal := messages / 20; goal <= messages; goal += messages / 20 {
		_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid)
			FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprintf("%d of %d are settled", goal, messages), func() bool { return settled() >= goal })
	}
	var succeeded int
	if err := admin.QueryRow(t.Context(), `SELECT count(*)
		FROM subMsgList WHERE sendStatus = 'success'`).Scan(&succeeded); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(succeeded, ch.count(), len(ch.counts())); got != fmt.Sprint(messages, messages, messages) {
		t.Errorf("succeeded, sent, different: %s; want %d of each", got, messages)
	}
}

// Replicas that share a trickle of messages send each once. (That one of them yields to the other is tested in package
// wake, where no busy machine plays a part.)
func TestReplicasShareATrickle(t *testing.T) {
	t.Parallel()
	const messages = 200
	d, ch := newDB(t), new(channel)
	for range 2 {
		cfg := config(d, ch)
		cfg.Poll = 2 * time.Second
		run(t, cfg)
	}
	d.asleep()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := range messages {
		<-tick.C
		d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o' || $1::int, 't')`, n)
	}
	eventually(t, "all are settled", func() bool { return d.count(`sendStatus = 'success'`) == messages })
	if got := fmt.Sprint(ch.count(), len(ch.counts())); got != fmt.Sprint(messages, messages) {
		t.Errorf("sent, different: %s; want %d of each", got, messages)
	}
}
