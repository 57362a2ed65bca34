//go:build faults

package faults

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// reach is up to which byte of the server's answers a connection is cut. It covers the handshake (some 450 bytes), and
// the preparation and first results of what submsg asks after trouble before it sends: whether a claim was lost,
// whether the database is still the same, what is due, a claim. That is some 3,000 bytes, so that half of the
// connections get as far as to send something.
const reach = 6000

// offsets are where to cut: all up to the limit in the long form, a sample of them in the short one. They come in any
// order, so that something succeeds between long rows of failures, which submsg answers by slower and slower tries.
func (l *lab) offsets(limit, sample int) []int {
	all := l.dice.Perm(limit)
	if *cycles < 1000 {
		all = all[:min(sample, limit)]
	}
	for i := range all {
		all[i]++
	}
	return all
}

// schedule hands out offsets, one to a connection.
type schedule struct {
	mu   sync.Mutex
	left []int
}

func (s *schedule) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.left) == 0 {
		return 0
	}
	offset := s.left[0]
	s.left = s.left[1:]
	return offset
}

func (s *schedule) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left) == 0
}

// TestCutAtEveryOffset cuts each connection of the pool at another byte of the server's answers. A claim or a
// settlement may then have been committed without submsg knowing it. The pool has two connections, so that each is in
// use.
func TestCutAtEveryOffset(t *testing.T) {
	t.Parallel() // it mostly waits
	l := newLab(t, fakewechat.Options{Latency: 2 * time.Millisecond})
	p := newProxy(t, l.url)
	l.url = p.url(l.url)
	l.by("pool_max_conns=2")
	w := l.start("SUBMSG_LISTEN_URL=off")
	l.load(400)
	offsets := l.offsets(reach, *cycles+20)
	for todo := offsets; len(todo) > 0; todo = p.without(todo) {
		s := &schedule{left: todo}
		p.cutAfter(s.next)
		p.cut()
		for !s.empty() {
			l.keep(400)
			l.progress(1)
		}
		l.keep(400)
		l.progress(200) // the last ones get there, or begin anew
	}
	total.inject("connection cut at an offset of the answers", len(offsets))
	p.cutAfter(never)
	p.cut()
	var r recovery
	l.back(&r)
	for _, statement := range []string{"claim: ", "settle"} {
		if n := strings.Count(w.log.String(), statement); n == 0 { // it says the first of a row of failures
			t.Errorf("no cut ever hit a %s", statement)
		}
	}
	l.flat(w)
	l.finish(0)
}

func never() int { return 0 }

// without returns the offsets at which no connection was cut so far.
func (p *proxy) without(offsets []int) (left []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range offsets {
		if !p.cuts[o] {
			left = append(left, o)
		}
	}
	return left
}

// TestListenerCutAtOffsets cuts the listener in the answers to its handshake, LISTEN, canary and wakes. Each time the
// next connection is a good one, as the listener waits longer from failure to failure.
func TestListenerCutAtOffsets(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	p := newProxy(t, l.url)
	const much = 600
	s := &schedule{}
	for _, o := range l.offsets(much, max(5, *cycles/6)) {
		s.left = append(s.left, o, much*10)
	}
	n := len(s.left) / 2
	p.cutAfter(s.next)
	w := l.start("SUBMSG_LISTEN_URL=" + p.url(l.url))
	for !s.empty() {
		l.insert(1)
		l.exec(`SELECT pg_notify('submsg', '')`) // a replica that stays awake asks for none
		l.quiesce(10 * time.Second)
		p.cutIdle(much)
	}
	total.inject("listener cut at an offset of the answers", n)
	p.cutAfter(never)
	l.flat(w)
	l.finish(0)
}

// TestHalfOpen makes every connection half-open under load: submsg finds out by its statement timeout of 10 s, once for
// all connections of the pool, and goes on over new ones.
func TestHalfOpen(t *testing.T) {
	t.Parallel() // it mostly waits
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	p := newProxy(t, l.url)
	l.url = p.url(l.url)
	w := l.start()
	l.load(400)
	for range max(1, *cycles/200) {
		l.load(400)
		before := l.wechat.Stats().Accepted
		p.orphan()
		took := l.within(time.Minute, "messages are sent again", func() bool {
			return l.wechat.Stats().Accepted > before+2*senders
		})
		t.Logf("sent again %s after every connection had become half-open", took)
		if took > 10*time.Second+3*soon {
			t.Errorf("sent again only %s after every connection had become half-open", took)
		}
		total.inject("all connections half-open", 1)
	}
	l.flat(w)
	l.finish(0)
}

// TestSlowLine lets all answers of the database through a line of 20 kB a second, with a claim of 8 messages being 1
// kB.
func TestSlowLine(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	p := newProxy(t, l.url)
	l.url = p.url(l.url)
	w := l.start()
	l.load(100)
	p.slow(20_000)
	l.keep(50 + *cycles)
	l.progress(50 + *cycles)
	p.slow(0)
	total.inject("slow line to the database", 1)
	var r recovery
	l.back(&r)
	l.flat(w)
	l.finish(0)
}
