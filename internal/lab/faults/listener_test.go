//go:build faults

package faults

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// patient is the poll of listener tests: long enough for a wake to be told from it.
const patient = 2 * time.Second

// startListener runs a worker whose health can be asked, and which soon finds out that it is deaf. The end of a lease,
// when it looks at the table too, is far.
func (l *lab) startListener(env ...string) *worker {
	l.t.Helper()
	return l.start(append([]string{"SUBMSG_HTTP_ADDR=127.0.0.1:0", "SUBMSG_POLL=" + patient.String(), "SUBMSG_LEASE=1m",
		"SUBMSG_PING=300ms", "SUBMSG_CANARY=500ms"}, env...)...)
}

// notArriving begins the line of log about it.
const notArriving = "wakes don't arrive, messages are found by polling"

var healthAt = regexp.MustCompile(`http://(\S+)/healthz answers`)

// wakes is what its health says about them, "" before it is asked for the first time.
func (w *worker) wakes() string {
	w.l.t.Helper()
	at := healthAt.FindStringSubmatch(w.log.String())
	if at == nil {
		return ""
	}
	answer, err := http.Get("http://" + at[1] + "/healthz")
	if err != nil {
		w.l.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "ok\n") {
		w.l.t.Fatalf("health: %s %q %v", answer.Status, body, err)
	}
	_, wakes, _ := strings.Cut(string(body), "wakes: ")
	return strings.TrimSpace(wakes)
}

func (w *worker) hears() bool { return w.wakes() == "arriving" }
func (w *worker) deaf() bool  { return w.wakes() == "not arriving" && w.says(notArriving) }

// pickUp inserts one message and waits until it is sent, for a poll and what a busy machine needs besides.
func (l *lab) pickUp() time.Duration {
	l.t.Helper()
	key := l.insert(1)
	return l.within(patient+2*time.Second, "a message is picked up by the poll at the latest", func() bool {
		return l.status(key) == "success"
	})
}

const terminateListenersSQL = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE datname = current_database() AND application_name = 'submsg listener'`

// TestListenerTerminated ends the listening backend again and again: what is inserted meanwhile is found when somebody
// listens again, at the poll at the latest.
func TestListenerTerminated(t *testing.T) {
	t.Parallel()
	l := newLab(t, fakewechat.Options{})
	w := l.startListener()
	l.within(20*time.Second, "wakes arrive", w.hears)
	var worst time.Duration
	for range max(5, *cycles/10) {
		l.within(20*time.Second, "the listener is there", func() bool { return l.number(terminateListenersSQL) == 1 })
		worst = max(worst, l.pickUp())
		total.inject("listening backend terminated", 1)
	}
	l.within(20*time.Second, "wakes arrive again", w.hears)
	t.Logf("picked up within %s, poll %s", worst, patient)
	if !w.says(notArriving) {
		t.Errorf("the log doesn't say it:\n%s", w.log.tail(2000))
	}
	l.check(0)
}

// TestListenerHalfOpen lets the listening connection go silent without an end: messages are found by the poll, the
// silence is found by a ping, and the next connection hears again.
func TestListenerHalfOpen(t *testing.T) {
	t.Parallel()
	l := newLab(t, fakewechat.Options{})
	p := newProxy(t, l.url)
	w := l.startListener("SUBMSG_LISTEN_URL="+p.url(l.url), "SUBMSG_CANARY=1h")
	var worst, found time.Duration
	for n := range max(1, *cycles/60) {
		l.within(40*time.Second, "wakes arrive", w.hears)
		p.orphan()
		began := time.Now()
		for strings.Count(w.log.String(), notArriving) <= n {
			worst = max(worst, l.pickUp())
			if time.Since(began) > 30*time.Second {
				t.Fatalf("it still believes that it hears:\n%s", w.log.tail(2000))
			}
		}
		found = max(found, time.Since(began))
		total.inject("half-open listening connection", 1)
	}
	l.within(40*time.Second, "wakes arrive again", w.hears)
	t.Logf("picked up within %s, poll %s; found out within %s", worst, patient, found)
	l.check(0)
}
