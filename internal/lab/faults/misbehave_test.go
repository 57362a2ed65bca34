//go:build faults

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

const answerLimit = 2 * time.Second // of the workers here: half of their send timeout

// misbehaviours are all kinds of the fake. doubt: nobody can know whether the message was taken. What answers an
// errcode or a 307 and has taken the message all the same isn't among them: that would be a lie that no sender can see
// through.
var misbehaviours = []struct {
	name  string
	fault fakewechat.Fault
	doubt bool
}{
	{"slow answer", fakewechat.Fault{Kind: "latency", Delay: answerLimit / 10}, false},
	{"answer after the limit", fakewechat.Fault{Kind: "latency", Delay: 2 * answerLimit}, true},
	{"-1", fakewechat.Fault{Kind: "system_error"}, false},
	{"-1, slow", fakewechat.Fault{Kind: "system_error", Delay: answerLimit / 10}, false},
	{"45011", fakewechat.Fault{Kind: "errcode", ErrCode: 45011}, false},
	{"43108", fakewechat.Fault{Kind: "errcode", ErrCode: 43108}, false},
	{"unknown errcode", fakewechat.Fault{Kind: "errcode", ErrCode: 77777, ErrMsg: "news"}, false},
	{"drop before", fakewechat.Fault{Kind: "drop_before"}, true},
	{"drop after", fakewechat.Fault{Kind: "drop_after"}, true},
	{"reset, not taken", fakewechat.Fault{Kind: "reset"}, true},
	{"reset, taken", fakewechat.Fault{Kind: "reset", Accepted: true}, true},
	{"502, not taken", fakewechat.Fault{Kind: "status_502"}, true},
	{"502, taken", fakewechat.Fault{Kind: "status_502", Accepted: true}, true},
	{"200 with HTML, not taken", fakewechat.Fault{Kind: "html"}, true},
	{"200 with HTML, taken", fakewechat.Fault{Kind: "html", Accepted: true}, true},
	{"307 to itself", fakewechat.Fault{Kind: "redirect"}, false},
	{"truncated", fakewechat.Fault{Kind: "truncated"}, true},
	{"half of the JSON", fakewechat.Fault{Kind: "half_json"}, true},
	{"endless", fakewechat.Fault{Kind: "endless"}, true},
	{"a byte a second", fakewechat.Fault{Kind: "slow_body"}, true},
	{"no msgid", fakewechat.Fault{Kind: "no_msgid"}, false},
	{"wrong types", fakewechat.Fault{Kind: "wrong_types"}, true},
}

// TestMisbehaviour strikes every tenth send with each misbehaviour in turn, under two replicas: nothing is lost,
// doubled or said falsely, and unknown is what a misbehaviour struck that leaves doubt, no more.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	l := newLab(t, fakewechat.Options{Seed: *seed, Latency: 2 * time.Millisecond})
	limits := []string{fmt.Sprint("SUBMSG_SEND_TIMEOUT=", 2*answerLimit), fmt.Sprint("SUBMSG_LEASE=", 3*answerLimit)}
	l.start(limits...)
	l.start(limits...)
	inDoubt := 0
	for _, m := range misbehaviours {
		count := max(3, *cycles/20)
		before := l.wechat.Stats().Faults[m.fault.Kind]
		m.fault.Count, m.fault.Probability = count, 0.1
		l.fault(m.fault)
		lift := func() {
			if m.fault.ErrCode == 45011 { // which pauses everything for a minute, each time
				l.exec(`DELETE FROM subMsgPause`)
			}
		}
		l.within(2*time.Minute, m.name+" has struck", func() bool {
			lift()
			l.keep(20)
			return l.wechat.Stats().Faults[m.fault.Kind] == before+count
		})
		l.within(time.Minute, "every message comes to an end", func() bool {
			lift()
			return l.quiet()
		})
		if m.doubt {
			inDoubt += count
		}
		if n := l.count(`sendStatus = 'unknown'`); n > inDoubt {
			t.Errorf("%s: %d messages unknown, %d were struck so", m.name, n, inDoubt)
			inDoubt = n // said once
		}
		total.inject("WeChat: "+m.name, count)
	}
	if n := l.count(`sendStatus NOT IN ('success', 'unknown')`); n > 0 {
		t.Errorf("%d messages failed, none is at fault", n)
	}
	l.check(inDoubt)
}

// TestTokenMisbehaviour has the token endpoint misbehave while no token is valid: messages wait, and none is harmed.
func TestTokenMisbehaviour(t *testing.T) {
	t.Parallel()
	l := newLab(t, fakewechat.Options{})
	limits := []string{fmt.Sprint("SUBMSG_SEND_TIMEOUT=", 2*answerLimit), fmt.Sprint("SUBMSG_LEASE=", 3*answerLimit)}
	l.start(limits...)
	l.insert(20)
	l.quiesce(30 * time.Second)
	// After a failure a worker leaves the endpoint alone for 5 s, so that the short form takes but one.
	for n := range max(1, min(*cycles/60, 2*len(misbehaviours))) {
		m := misbehaviours[(n+int(*seed%uint64(len(misbehaviours))))%len(misbehaviours)]
		m.fault.Path = fakewechat.StableTokenPath
		l.fault(m.fault)
		before := l.wechat.Stats().Faults[m.fault.Kind]
		l.wechat.KillTokens(false, false)
		l.insert(50)
		l.quiesce(time.Minute)
		if struck := l.wechat.Stats().Faults[m.fault.Kind] - before; struck != 1 {
			t.Errorf("%s struck %d times at the token endpoint", m.name, struck)
		}
		total.inject("token endpoint: "+m.name, 1)
	}
	l.allSucceeded()
	l.check(0)
}
