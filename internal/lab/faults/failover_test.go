//go:build faults

package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
)

// pair is a primary and a standby that follows it.
type pair struct{ primary, standby *node }

// newPair copies a stopped node twice.
func newPair(t *testing.T, from *node) pair {
	t.Helper()
	p := pair{from.clone(t), from.clone(t)}
	p.primary.start()
	follow := "primary_conninfo = 'host=" + p.primary.socket() + " user=postgres'\n"
	p.standby.add("postgresql.auto.conf", follow)
	p.standby.add("standby.signal", "")
	p.standby.start()
	(&lab{t: t}).within(time.Minute, "the standby follows", func() bool {
		return p.primary.ask(`SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'`) == "1"
	})
	return p
}

// message is what a failover can lose of one.
type message struct {
	status   string
	attempts int
}

func (n *node) rows() map[string]message {
	n.t.Helper()
	conn, err := pgx.Connect(n.t.Context(), n.url())
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close(n.t.Context())
	list, err := conn.Query(n.t.Context(), `SELECT parameterArr[4], sendStatus, attempts FROM subMsgList`)
	if err != nil {
		n.t.Fatal(err)
	}
	rows := make(map[string]message)
	var key string
	var m message
	_, err = pgx.ForEachRow(list, []any{&key, &m.status, &m.attempts}, func() error { rows[key] = m; return nil })
	if err != nil {
		n.t.Fatal(err)
	}
	return rows
}

// TestFailover lets a standby take a primary's place under load.
func TestFailover(t *testing.T) {
	t.Parallel() // it mostly waits for its servers
	origin := newNode(t, "", pgembed.Config{Settings: map[string]string{"wal_retrieve_retry_interval": "100ms"}})
	if err := origin.server.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name string
		test func(*testing.T, pair, *recovery)
	}{
		{"loses commits", failoverLosesCommits}, {"synchronous", failoverSynchronous}, {"demotion", demotion},
	} {
		t.Run(f.name, func(t *testing.T) {
			var r recovery
			for range max(1, *cycles/60) {
				f.test(t, newPair(t, origin), &r)
				total.inject("failover, "+f.name, 1)
			}
			t.Logf("back at work after %s at most", r.worst)
		})
	}
}

// failoverLosesCommits promotes a standby that lacks the primary's last commits. submsg can't know of those, so this is
// the bound, and it is exact: sent twice are the messages whose claim is among the lost commits and had been answered,
// no others; unknown are messages whose settlement or return to the queue is among them, no others; lost are the
// inserts among them, no others.
func failoverLosesCommits(t *testing.T, duo pair, r *recovery) {
	l := newLabOn(t, duo.primary.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
	p := newProxy(t, duo.primary.url())
	l.url = p.url(duo.primary.url())
	// A look at the table would forget, on the old primary, which claims are over. With a long poll there is none from
	// here to the crash: what this process remembers as settled is what the new primary holds as "sending".
	w := l.start("SUBMSG_POLL=20s", "SUBMSG_SEND_TIMEOUT=8s", "SUBMSG_LEASE=10s")
	l.insist(1500)
	l.progress(100)
	duo.part(l)
	l.progress(200)
	l.insist(20)
	duo.primary.crash()
	duo.standby.ask(`SELECT pg_promote()`)
	promoted := duo.standby.rows()
	l.connect(duo.standby.url())
	p.lead(duo.standby.url())
	l.back(r)
	l.quiesce(30 * time.Second)
	w.terminate(10 * time.Second)
	duo.primary.start() // to see what it had committed
	l.losses(duo.primary.rows(), promoted)
	w.kill()
}

// part lets the standby fall behind for good.
func (p pair) part(l *lab) {
	p.standby.set("primary_conninfo", "")
	l.within(time.Minute, "the standby has left", func() bool {
		return p.standby.ask(`SELECT count(*) FROM pg_stat_wal_receiver`) == "0"
	})
}

// losses holds what became of the messages to what was committed on the old primary, and what of it the promoted
// standby had.
func (l *lab) losses(committed, promoted map[string]message) {
	l.t.Helper()
	sent := make(map[string]int)
	for _, s := range l.wechat.Sent() {
		sent[s.Data["thing5"]]++
	}
	inserts, claims, twice, settlements := 0, 0, 0, 0
	for key, was := range committed {
		is, there := promoted[key]
		switch {
		case !there:
			inserts++
		case was.attempts > is.attempts:
			claims++
			if sent[key] == 2 {
				twice++
			}
		case is.status == "sending" && was.status != "sending": // settled, or given back
			settlements++
		}
	}
	o := l.compare()
	l.t.Logf("lost commits: %d inserts, %d claims, %d settlements; then %+v", inserts, claims, settlements, o)
	if claims == 0 || inserts == 0 {
		l.t.Fatal("the standby lacked nothing")
	}
	if o.duplicated != twice {
		l.t.Errorf("%d messages were sent more than once, only the %d among the lost claims may", o.duplicated, twice)
	}
	if claims-twice > inDoubt { // the last claim's answer never came
		l.t.Errorf("of %d lost claims %d were sent twice, all but the last %d must have been", claims, twice, inDoubt)
	}
	if o.lost != inserts {
		l.t.Errorf("%d messages are lost, %d inserts were", o.lost, inserts)
	}
	total.inject("claim lost in a failover, so sent twice", twice)
	total.inject("insert lost in a failover", inserts)
	total.inject("settlement lost in a failover", settlements)
	o.duplicated, o.lost = 0, 0
	l.verdict(o, settlements)
}

// failoverSynchronous is the same with synchronous replication: what isn't on the standby was never answered, so
// nothing is sent twice, lost or in doubt.
func failoverSynchronous(t *testing.T, duo pair, r *recovery) {
	duo.primary.set("synchronous_standby_names", "*")
	l := newLabOn(t, duo.primary.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
	p := newProxy(t, duo.primary.url())
	l.url = p.url(duo.primary.url())
	w := l.start()
	l.insist(600)
	l.progress(100)
	duo.part(l)
	l.within(time.Minute, "commits wait for the standby", func() bool {
		return duo.primary.ask(`SELECT count(*) FROM pg_stat_activity
			WHERE wait_event = 'SyncRep' AND application_name = 'submsg'`) != "0"
	})
	duo.primary.crash()
	duo.standby.ask(`SELECT pg_promote()`)
	l.connect(duo.standby.url())
	p.lead(duo.standby.url())
	l.back(r)
	l.finish(0)
	w.kill()
}

// demotion makes a primary read-only that goes on answering, and promotes its standby: submsg, told of both, must leave
// the one for the other by itself.
func demotion(t *testing.T, duo pair, r *recovery) {
	l := newLabOn(t, duo.primary.url(), fakewechat.Options{Latency: 5 * time.Millisecond})
	one, two := newProxy(t, duo.primary.url()), newProxy(t, duo.standby.url())
	l.url = strings.Replace(one.url(duo.primary.url()), one.addr, one.addr+","+two.addr, 1)
	l.by("target_session_attrs=read-write")
	l.by("pool_max_conns=2")
	w := l.start("SUBMSG_LISTEN_URL=off")
	l.insist(600)
	l.progress(100)
	duo.primary.set("default_transaction_read_only", "on")
	l.within(20*time.Second, "submsg has left the old primary", func() bool {
		return duo.primary.ask(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'submsg'`) == "0"
	})
	last := duo.primary.ask(`SELECT pg_current_wal_lsn()::text`)
	l.within(20*time.Second, "the standby has caught up", func() bool {
		return duo.standby.ask(`SELECT pg_last_wal_replay_lsn() >= '`+last+`'`) == "true"
	})
	duo.standby.ask(`SELECT pg_promote()`)
	l.connect(duo.standby.url())
	l.back(r)
	l.flat(w)
	l.finish(0)
}
