//go:build faults

package faults

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// TestRedirects has a gateway lead some sends to a stranger, who says ok to everything: none goes there, neither
// message nor token, and nobody believes him. What certainly was not processed (301, 307, 308) waits and goes out
// later.
func TestRedirects(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	var visits, astray atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		visits.Add(1)
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","msgid":1}`)
	}))
	t.Cleanup(stranger.Close)
	var status atomic.Int32
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := status.Swap(0); code != 0 && r.URL.Path == fakewechat.SendPath {
			astray.Add(1)
			http.Redirect(w, r, stranger.URL+r.URL.RequestURI(), int(code))
			return
		} else if code != 0 {
			status.Store(code)
		}
		l.wechat.ServeHTTP(w, r)
	}))
	t.Cleanup(gateway.Close)
	l.api = gateway.URL
	l.start()
	doubtful := 0
	for range max(1, *cycles/60) {
		for _, code := range []int{301, 302, 303, 307, 308} {
			if code == 302 || code == 303 {
				doubtful++
			}
			status.Store(int32(code))
			l.insert(10)
			l.quiesce(15 * time.Second)
			if status.Load() != 0 {
				t.Fatal("no send came by")
			}
			l.within(10*time.Second, "the pause is lifted", func() bool {
				return l.number(`SELECT count(*) FROM subMsgPause`) == 0
			})
		}
	}
	total.inject("send led astray by a redirect", int(astray.Load()))
	if n := visits.Load(); n > 0 {
		t.Errorf("broken promises: %d sends went to a stranger", n)
	}
	l.check(doubtful)
}

// TestOnePermission: each person has given one permission, and the template accepts a second message. WeChat takes some
// and says nothing; the second try is told 43101. That doesn't make the first one fail.
func TestOnePermission(t *testing.T) {
	l, env := newStockedLab(t, fakewechat.Options{Seed: *seed})
	if err := l.wechat.Grant("*", againID, 1); err != nil {
		t.Fatal(err)
	}
	struck := max(5, *cycles/10)
	l.fault(fakewechat.Fault{Kind: "drop_after", TemplateID: againID, Count: struck, Probability: 0.3})
	l.start(env)
	l.insertOf("again", 10*struck, 10*struck)
	l.quiesce(30 * time.Second)
	if n := l.wechat.Stats().Faults["drop_after"]; n != struck {
		t.Errorf("%d sends were struck, want %d", n, struck)
	}
	total.inject("answer lost, the permission used up", struck)
	l.check(struck)
}

// TestLostClaim cuts the connection of a claim that the database has made: nobody knows that its rows are "sending".
// They go back to wait and are sent, none of them in doubt.
func TestLostClaim(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	p := newProxy(t, l.url)
	l.url = p.url(l.url)
	for range max(2, *cycles/20) {
		l.insert(senders)
		p.loseAnswer("SET sendStatus = 'sending'")
		w := l.start("SUBMSG_LISTEN_URL=off")
		l.quiesce(20 * time.Second)
		w.terminate(10 * time.Second)
		if !w.says("claim: ") {
			t.Errorf("the answer to its claim wasn't lost:\n%s", w.log.tail(2000))
		}
		total.inject("answer to a claim lost", 1)
	}
	l.check(0)
}

// TestListensAgain ends the listening connection of a replica that doesn't poll. What was inserted while nobody
// listened is found when it listens again.
func TestListensAgain(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	w := l.startListener("SUBMSG_POLL=1h")
	for range max(5, *cycles/10) {
		l.within(20*time.Second, "wakes arrive", w.hears)
		l.insert(1)
		l.quiesce(10 * time.Second)
		l.within(10*time.Second, "the listener is ended", func() bool { return l.number(terminateListenersSQL) == 1 })
		l.insert(1)
		l.quiesce(10 * time.Second)
		total.inject("listener ended, no poll", 1)
	}
	l.check(0)
}

// TestOneReplicaOnePersonAtATime: a single replica sees all of its own claims, so that WeChat never gets to see two
// messages to one person at once.
func TestOneReplicaOnePersonAtATime(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 10 * time.Millisecond})
	l.start()
	l.insertOf("orderStatus", max(40, *cycles), 3)
	l.quiesce(time.Minute)
	if n := l.wechat.Stats().ErrCodes[43108]; n > 0 {
		t.Errorf("%d answers 43108 to one replica", n)
	}
	total.inject("messages to 3 people by one replica", max(40, *cycles))
	l.check(0)
}

// TestNothingWrong: two replicas share a thousand messages with nothing wrong anywhere: each is claimed once, and no
// log holds an error or a warning.
func TestNothingWrong(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: time.Millisecond})
	replicas := []*worker{l.startPatient(), l.startPatient()}
	l.insert(max(1000, *cycles))
	l.quiesce(time.Minute)
	for _, w := range replicas {
		w.terminate(10 * time.Second)
		if w.says("level=error") || w.says("level=warning") {
			t.Errorf("%s complains:\n%s", w.name, w.log.tail(2000))
		}
	}
	if n := l.count(`sendStatus <> 'success' OR attempts <> 1`); n > 0 {
		t.Errorf("%d messages had to be tried again", n)
	}
	l.check(0)
}
