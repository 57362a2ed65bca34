//go:build faults

package faults

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// points are the steps of a message's trip, and up to which hit a kill may come there.
var points = []struct {
	name string
	most int
}{
	{"claimed", 6}, {"unwritten", 30}, {"written", 30}, {"answered", 30}, {"unsettled", 10}, {"settled", 10},
	{"sweeping", 1}, {"draining", 1},
}

// TestCrashes kills one of two replicas at every step of the trip, again and again, while messages come in.
func TestCrashes(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	var mu sync.Mutex // of the lab: its workers, its dice
	var replicas sync.WaitGroup
	kills := 0
	for replica := range 2 {
		dice := rand.New(rand.NewPCG(*seed, uint64(replica)))
		replicas.Go(func() {
			for range *cycles / 2 {
				p := points[dice.IntN(len(points))]
				mu.Lock()
				l.keep(200)
				w := l.startWith(p.name, 1+dice.IntN(p.most), "kill")
				kills++
				mu.Unlock()
				if p.name == "draining" {
					w.diesWithin(time.Duration(100+dice.IntN(200)) * time.Millisecond)
					w.signal(syscall.SIGTERM)
				}
				if w.diesWithin(2 * time.Second) {
					total.inject("SIGKILL when "+p.name, 1)
				} else {
					w.kill()
					total.inject("SIGKILL at any moment", 1)
				}
			}
		})
	}
	replicas.Wait()
	l.start()
	l.start()
	l.quiesce(time.Minute)
	l.check(kills * inDoubt)
}

// TestKillDoesNotHoldUpOthers kills a replica that has cleared the wake flag while the other sleeps: what is inserted
// then is sent within 3 s all the same.
func TestKillDoesNotHoldUpOthers(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 20 * time.Millisecond})
	defaultPoll := "SUBMSG_POLL=2s"
	other := l.start(defaultPoll)
	for range max(3, *cycles/20) {
		w := l.startWith("answered", 100, "kill", defaultPoll)
		l.insert(300)
		if !w.diesWithin(20 * time.Second) {
			w.kill() // the other had taken most of it
		}
		l.exec(`SELECT setval('subMsgWake', 2)`) // as a busy replica leaves it
		key := l.insert(1)
		took := l.within(3*time.Second, "a message inserted after the kill is settled", func() bool {
			return l.count(`parameterArr[4] = 'm' || $1::bigint AND sendStatus = 'success'`, key) == 1
		})
		t.Logf("sent %s after it was inserted", took)
		total.inject("SIGKILL beside a sleeping replica", 1)
	}
	l.quiesce(30 * time.Second)
	other.terminate(10 * time.Second)
	// At 20 ms a send hardly anything is claimed ahead, but for a busy machine's sake.
	l.check(4 * senders * max(3, *cycles/20))
}

// TestFreeze stops a replica for longer than its lease at each step, then lets it go on: its late answer tells
// the truth about its message, and nobody sent that a second time.
func TestFreeze(t *testing.T) {
	for _, p := range []struct {
		name string
		nth  int      // the first request is for the token
		late []string // what the frozen message may be in the end
	}{
		{"claimed", 1, []string{"success", "unknown"}},
		{"unwritten", 2, []string{"success", "unknown"}},
		{"written", 2, []string{"success", "unknown"}},
		{"answered", 2, []string{"success"}},
		{"unsettled", 1, []string{"success"}},
	} {
		t.Run(p.name, func(t *testing.T) {
			l := newLab(t, fakewechat.Options{})
			for range max(1, *cycles/60) {
				frozen := l.startWith(p.name, p.nth, "stop")
				key := l.insert(1)
				l.within(20*time.Second, "the replica freezes", frozen.frozen)
				other := l.start()
				l.within(10*time.Second, "its message is unknown", func() bool {
					return l.status(key) == "unknown"
				})
				frozen.signal(syscall.SIGCONT)
				frozen.terminate(20 * time.Second)
				l.within(10*time.Second, "the late answer settles", func() bool {
					for _, s := range p.late {
						if l.status(key) == s {
							return true
						}
					}
					return false
				})
				other.terminate(10 * time.Second)
				total.inject("SIGSTOP beyond the lease when "+p.name, 1)
			}
			l.quiesce(10 * time.Second)
			l.check(max(1, *cycles/60))
		})
	}
}

// TestFrozenAndCalledOff stops a replica right before it sends, for longer than its lease. A person calls the message
// off meanwhile: then it isn't sent when the replica goes on, as a suspended machine does.
func TestFrozenAndCalledOff(t *testing.T) {
	l := newLab(t, fakewechat.Options{})
	for range max(1, *cycles/60) {
		frozen := l.startWith("unwritten", 2, "stop") // the first request is for the token
		key := l.insert(1)
		l.within(20*time.Second, "the replica freezes", frozen.frozen)
		other := l.start()
		l.within(10*time.Second, "its message is unknown", func() bool { return l.status(key) == "unknown" })
		l.exec(`UPDATE subMsgList SET sendStatus = 'cancel' WHERE parameterArr[4] = 'm' || $1::bigint`, key)
		frozen.signal(syscall.SIGCONT)
		frozen.terminate(20 * time.Second)
		other.terminate(10 * time.Second)
		total.inject("SIGSTOP before the send, called off meanwhile", 1)
	}
	l.check(0)
}

func (l *lab) status(key int64) (s string) {
	l.t.Helper()
	const statusSQL = `SELECT sendStatus FROM subMsgList WHERE parameterArr[4] = 'm' || $1::bigint`
	err := l.admin.QueryRow(l.t.Context(), statusSQL, key).Scan(&s)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// TestRollingRestart sends SIGTERM to one of two replicas again and again under load: nothing is in doubt afterwards.
func TestRollingRestart(t *testing.T) {
	l := newLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	start := func() *worker { return l.start("SUBMSG_SEND_TIMEOUT=5s", "SUBMSG_LEASE=6s") } // for a busy machine
	current := []*worker{start(), start()}
	for n := range max(10, *cycles/5) {
		l.keep(200)
		next := start()
		next.diesWithin(time.Duration(20+l.dice.IntN(200)) * time.Millisecond)
		current[n%2].terminate(10 * time.Second)
		current[n%2] = next
		total.inject("SIGTERM under load", 1)
	}
	l.quiesce(time.Minute)
	l.check(0)
}
