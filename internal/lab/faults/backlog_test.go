//go:build faults

package faults

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// TestLostExchange cuts the connection of an exchange that the database has made, in a backlog that takes longer than a
// lease. What it settled is settled, what it claimed is let go and sent, and nothing is in doubt.
func TestLostExchange(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	p := newProxy(t, l.url)
	l.url = p.url(l.url)
	for n := range max(1, *cycles/60) {
		l.insert(3000)
		p.loseAnswer("dueAt DESC") // claims of the newest are made in exchanges only
		w := l.start("SUBMSG_LISTEN_URL=off")
		l.quiesce(time.Minute)
		w.terminate(10 * time.Second)
		if lost := p.answersLost(); lost != n+1 {
			t.Errorf("%d answers were lost, want %d", lost, n+1)
		}
		total.inject("answer to an exchange lost", 1)
	}
	l.check(0)
}

// TestOlderThanTheBacklog commits a message that is older than all that wait, as a long transaction does, in the middle
// of a backlog: it doesn't have to wait for the end of that.
func TestOlderThanTheBacklog(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	l.start()
	for range max(1, *cycles/30) {
		l.insert(1500)
		l.progress(300)
		key := l.insertOlder()
		l.within(30*time.Second, "the older message is sent", func() bool { return l.status(key) == "success" })
		if n := l.count(`sendStatus = 'wait'`); n < 100 {
			t.Errorf("an older message waited for the end of the backlog: %d messages are left", n)
		}
		l.quiesce(30 * time.Second)
		total.inject("older message in a backlog", 1)
	}
	l.check(0)
}

// TestPausedBacklog has WeChat refuse a template in the middle of its backlog, when messages are claimed ahead: no more
// are sent than had begun.
func TestPausedBacklog(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	l.start("SUBMSG_PROBE_EVERY=1h")
	for range max(1, *cycles/60) {
		l.insert(4000)
		l.progress(1000)
		before := l.wechat.Stats().ErrCodes[43116]
		l.fault(fakewechat.Fault{Kind: "errcode", ErrCode: 43116, ErrMsg: "refused", Count: -1})
		l.within(30*time.Second, "it is paused, and nothing is being sent", func() bool {
			return l.number(`SELECT count(*) FROM subMsgPause`) > 0 && l.count(`sendStatus = 'sending'`) == 0
		})
		if n := l.wechat.Stats().ErrCodes[43116] - before; n > senders {
			t.Errorf("%d sends into a refused template, there are %d senders", n, senders)
		}
		if n := l.count(`sendStatus = 'wait' AND attempts > 0`); n > 0 {
			t.Errorf("%d of the waiting messages have lost an attempt", n)
		}
		l.wechat.ClearFaults()
		l.exec(`DELETE FROM subMsgPause`)
		l.quiesce(30 * time.Second)
		total.inject("template refused in mid-backlog", 1)
	}
	l.check(0)
}

// TestKilledInABacklog kills a lone replica in the middle of a backlog. Where a send takes its time it has hardly
// claimed anything ahead, and leaves little more in doubt than was in flight.
func TestKilledInABacklog(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 50 * time.Millisecond})
	rounds := max(1, *cycles/60)
	for range rounds {
		w := l.startWith("answered", 40, "kill")
		l.insert(400)
		if !w.diesWithin(20 * time.Second) {
			t.Fatal("it has not sent forty messages")
		}
		w = l.start()
		l.quiesce(time.Minute)
		w.terminate(10 * time.Second)
		total.inject("SIGKILL of a lone replica in a backlog", 1)
	}
	l.check(3 * senders * rounds)
}

// insertOlder adds a message that has been due for an hour. It is so from the first: one that is made older afterwards
// may have been claimed before, as the newest.
func (l *lab) insertOlder() (key int64) {
	l.t.Helper()
	key = l.keys.Add(1)
	l.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter, parameterArr)
		SELECT $2 || lpad(k::text, 12, '0'), 'orderStatus', t, t, ARRAY[$3, '19.9', '已发货', 'm' || k]
		FROM (SELECT $1::bigint AS k, now() - interval '1 hour' AS t) AS s`, key, openidPrefix, phone)
	return key
}

// TestKilledWhileLocked: a person holds a row in mid-send, so that its outcome can't be written, and then its replica
// is killed. Another one, which is frozen meanwhile, finds the row when the person lets go.
func TestKilledWhileLocked(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 20 * time.Millisecond})
	rounds := max(1, *cycles/60)
	for range rounds {
		limits := []string{"SUBMSG_SEND_TIMEOUT=3s", "SUBMSG_LEASE=4s"}
		w := l.start(limits...)
		other := l.start(append(limits, "PGAPPNAME=other")...)
		l.within(20*time.Second, "both work", func() bool {
			l.keep(2 * senders)
			return w.sent() > 0 && other.sent() > 0
		})
		l.quiesce(20 * time.Second)
		l.freezeIdle(other, "other")
		before := w.sent()
		// Long enough for the person to come in between.
		l.fault(fakewechat.Fault{Kind: "latency", Delay: time.Second, Count: 1})
		key := l.insert(1)
		l.within(20*time.Second, "it is being sent", func() bool { return l.status(key) == "sending" })
		release := l.hold(`SELECT FROM subMsgList WHERE sendStatus = 'sending' FOR UPDATE`)
		l.within(20*time.Second, "WeChat has taken it", func() bool { return w.sent() > before })
		l.insert(senders)
		l.within(20*time.Second, "all others are settled, and their claims forgotten", func() bool {
			return l.count(`sendStatus IN ('wait', 'sending')`) == 1 &&
				l.number(`SELECT count(*) FROM subMsgClaim`) <= 1
		})
		w.kill()
		other.signal(syscall.SIGCONT)
		release()
		l.within(20*time.Second, "its message is unknown", func() bool { return l.status(key) == "unknown" })
		other.terminate(10 * time.Second)
		total.inject("SIGKILL while a person holds a row", 1)
	}
	l.check(rounds)
}

// freezeIdle stops a worker, which connects under a name of its own, and waits until no statement of it is under way:
// what is inserted from here on can't be claimed by it.
func (l *lab) freezeIdle(w *worker, name string) {
	l.t.Helper()
	w.signal(syscall.SIGSTOP)
	l.within(20*time.Second, "the replica is frozen", w.frozen)
	l.within(20*time.Second, "its last statement is over", func() bool {
		return l.number(`SELECT count(*) FROM pg_stat_activity WHERE application_name = $1
			AND (state <> 'idle' OR clock_timestamp() - state_change < interval '200 ms')`, name) == 0
	})
}

// sent counts what its log says was taken.
func (w *worker) sent() int { return strings.Count(w.log.String(), "outcome=accepted") }
