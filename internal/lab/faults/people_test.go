//go:build faults

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// TestPeople edits by hand whatever can be edited, at random, while two replicas work, are killed and freeze.
func TestPeople(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 20 * time.Millisecond})
	m := l.monkey(true)
	m.run(max(8, *cycles/6))
	for _, sentence := range []string{"is being sent, until", "can't be changed from", "is over, so it can't wait"} {
		if !m.heard(sentence) {
			t.Errorf("no edit was refused with %q: the test shows nothing about it", sentence)
		}
	}
	for _, w := range l.workers {
		if w.says("database trouble") {
			t.Errorf("hand edits make the statements of %s fail:\n%s", w.name, w.log.tail(2000))
		}
	}
}

// TestPeopleWithoutGuards does the same with the table's triggers disabled, or in a session that doesn't fire them. Any
// status can be written then, also over a claim. What must hold all the same, because it hangs on claimId and CHECKs
// only: no crash; nobody settles another's claim, so that success still names a send of this very row, which WeChat
// took; each time that a row is set to wait is worth one send, no more; every row ends, by the poll where no trigger
// wakes.
func TestPeopleWithoutGuards(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 20 * time.Millisecond})
	l.monkey(false).run(max(8, *cycles/6))
}

// run makes edits while replicas are hit, a number of times at least, lets all come to an end, and compares.
func (m *monkey) run(hits int) {
	l := m.l
	var chaos sync.WaitGroup
	var hit atomic.Int32
	var done atomic.Bool
	for replica := range 2 {
		chaos.Go(func() {
			dice := rand.New(rand.NewPCG(*seed, 100+uint64(replica)))
			for !done.Load() {
				m.hit(dice)
				hit.Add(1)
			}
		})
	}
	for n := 0; n < 20**cycles || int(hit.Load()) < hits; n++ {
		if n%20 == 0 {
			m.insert()
		}
		m.step()
	}
	done.Store(true)
	m.finish()
	chaos.Wait()
	last := []*worker{l.start(), l.start()}
	l.quiesce(time.Minute)
	for _, w := range last {
		w.terminate(20 * time.Second)
	}
	m.check(int(hit.Load())*inDoubt + m.setUnknown)
}

// hit runs a replica until it kills itself or freezes somewhere, at the latest for two seconds. One that froze goes on
// after its lease, answers late, and ends as it should.
func (m *monkey) hit(dice *rand.Rand) {
	l, p := m.l, points[dice.IntN(len(points)-1)] // not while draining
	action := "kill"
	if dice.IntN(4) == 0 {
		action = "stop"
	}
	m.mu.Lock()
	w := l.startWith(p.name, 1+dice.IntN(p.most), action)
	m.mu.Unlock()
	for began := time.Now(); w.running() && !w.frozen() && time.Since(began) < 2*time.Second; {
		w.diesWithin(10 * time.Millisecond)
	}
	switch {
	case !w.running():
		total.inject("SIGKILL under hand edits", 1)
	case !w.frozen():
		w.kill()
		total.inject("SIGKILL under hand edits", 1)
	default:
		w.diesWithin(lease + 200*time.Millisecond)
		w.signal(syscall.SIGCONT)
		w.terminate(20 * time.Second)
		total.inject("SIGSTOP beyond the lease under hand edits", 1)
	}
}

// crashed tells how a process that nobody killed ended, "" if it did not, or as it should.
func (w *worker) crashed() string {
	var exit *exec.ExitError
	if w.running() || !errors.As(w.err, &exit) {
		return ""
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return ""
	}
	return exit.String()
}

// checkCrashes fails the test if a worker ended otherwise than killed or with 0, or panicked anywhere.
func (l *lab) checkCrashes() {
	l.t.Helper()
	for _, w := range l.workers {
		if how := w.crashed(); how != "" {
			l.t.Errorf("%s crashed, %s:\n%s", w.name, how, w.log.tail(2000))
		}
		if text := w.log.String(); strings.Contains(text, "panic") || strings.Contains(text, "fatal error") {
			l.t.Errorf("%s panicked:\n%s", w.name, w.log.tail(4000))
		}
	}
}

// TestLateAnswerOfAnOlderSend: a replica freezes with WeChat's answer in hand; a person gives its message other words
// and sets it back to wait; another replica claims it and dies before it sends. The first one's answer is about other
// words, so it must not settle the row.
func TestLateAnswerOfAnOlderSend(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	for range max(1, *cycles/60) {
		old := l.startWith("answered", 2, "stop")
		key := l.insert(1)
		l.within(20*time.Second, "the first replica freezes", old.frozen)
		sweeper := l.start()
		l.within(10*time.Second, "its message is unknown", func() bool { return l.status(key) == "unknown" })
		sweeper.terminate(10 * time.Second)

		l.exec(`UPDATE subMsgList SET sendStatus = 'wait', parameterArr[1] = '另一杯'
			WHERE parameterArr[4] = 'm' || $1::bigint`, key)
		second := l.startWith("unwritten", 2, "stop", "SUBMSG_LEASE=1m")
		l.within(20*time.Second, "the second replica freezes", second.frozen)
		old.signal(syscall.SIGCONT)
		old.terminate(20 * time.Second)
		if s := l.status(key); s != "sending" || !old.says("outcome") {
			t.Errorf("broken promises: after the late answer the row that another holds is %s, want sending, and a "+
				"warning", s)
		}
		second.kill()
		l.exec(`DELETE FROM subMsgList`) // its lease is long; what matters is shown
		total.inject("late answer to a row sent again", 1)
	}
	l.checkCrashes()
	l.checkSecrets()
}

// TestLateAnswerAfterExpiry: a replica freezes with WeChat's answer "busy" in hand, and its message's expireTime passes
// while it is unknown. It was not sent and can't wait any more: its end says so, and the replica keeps nothing to
// store.
func TestLateAnswerAfterExpiry(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	for range max(1, *cycles/60) {
		l.fault(fakewechat.Fault{Kind: "system_error"})
		frozen := l.startWith("answered", 2, "stop")
		key := l.insert(1)
		l.within(20*time.Second, "the replica freezes", frozen.frozen)
		other := l.start()
		l.within(10*time.Second, "its message is unknown", func() bool { return l.status(key) == "unknown" })
		other.terminate(10 * time.Second)
		l.exec(`UPDATE subMsgList SET expireTime = now() WHERE parameterArr[4] = 'm' || $1::bigint`, key)
		frozen.signal(syscall.SIGCONT)
		frozen.terminate(20 * time.Second)
		if s := l.status(key); s != "expired" {
			t.Errorf("it is %s, want expired", s)
		}
		total.inject("late answer after the expireTime", 1)
	}
	l.checkCrashes()
	l.check(0)
}

// TestRowsLocked: a person holds a row in an open transaction while it is being sent. Its outcome waits for the person,
// those of all others don't.
func TestRowsLocked(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 200 * time.Millisecond})
	l.start()
	rounds := max(2, *cycles/30)
	for range rounds {
		key, release := l.holdInMidSend()
		l.insert(3 * senders)
		l.within(15*time.Second, "all others have their outcome", func() bool {
			return l.count(`sendStatus IN ('wait', 'sending')`) <= 1
		})
		release()
		l.within(15*time.Second, "then so has it", func() bool { return l.status(key) == "success" })
	}
	total.inject("row locked by a person in mid-send", rounds)
	l.check(0)
}

// holdInMidSend locks the row of a message that is being sent. On a busy machine it may be settled before the lock is
// there; then the next one is tried.
func (l *lab) holdInMidSend() (key int64, release func()) {
	l.t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		key = l.insert(1)
		l.within(20*time.Second, "it is being sent", func() bool { return l.status(key) != "wait" })
		release = l.hold(`SELECT FROM subMsgList WHERE parameterArr[4] = 'm` + fmt.Sprint(key) + `' FOR UPDATE`)
		if l.status(key) == "sending" {
			return key, release
		}
		release()
	}
	l.t.Fatal("no row was locked in mid-send")
	return 0, nil
}

// TestWaitingRowLocked: a person holds a row that waits in an open transaction. It is left out, and no claim waits for
// the person.
func TestWaitingRowLocked(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	key := l.insert(1)
	release := l.hold(`SELECT FROM subMsgList FOR UPDATE`)
	l.start()
	l.start()
	l.insert(100)
	l.within(15*time.Second, "all others are sent", func() bool { return l.number(successSQL) == 100 })
	release()
	l.within(15*time.Second, "then so is it", func() bool { return l.status(key) == "success" })
	total.inject("waiting row locked by a person", 1)
	l.check(0)
}
