package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// strict is WeChat for one account, whatever replica asks: of two messages to one person at a time it refuses the later
// one (errcode 43108).
type strict struct {
	mu       sync.Mutex
	busy     map[string]bool
	calls    int
	refused  int
	accepted map[string][]int64 // by openid, in the order in which they were accepted
}

func newStrict() *strict { return &strict{busy: map[string]bool{}, accepted: map[string][]int64{}} }

func (s *strict) Send(_ context.Context, m outbox.Claimed) outbox.Verdict {
	if !s.begin(m) {
		return personBusy
	}
	<-time.After(10 * time.Millisecond) // a wire
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, m.OpenID)
	s.accepted[m.OpenID] = append(s.accepted[m.OpenID], m.ID)
	return accepted(m)
}

func (s *strict) begin(m outbox.Claimed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.busy[m.OpenID] {
		s.refused++
		return false
	}
	s.busy[m.OpenID] = true
	return true
}

var strictAccounts = []outbox.Account{{Name: "default", Templates: []string{"t", "u"}, OnePersonAtATime: true}}

func (s *strict) Accounts() []outbox.Account { return strictAccounts }

func (s *strict) Ready(context.Context, string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted}
}

var personBusyCode = int32(43108)

var personBusy = outbox.Verdict{Outcome: outbox.Later, Trouble: outbox.PersonBusy, Code: &personBusyCode, Text: "43108"}

// many inserts messages to a few people, among some to others.
func (d *db) many(people, each int) {
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n % $1::int, CASE WHEN n % 7 = 0 THEN 'u' ELSE 't' END
		FROM generate_series(1, $1 * $2::int) AS n`, people, each)
}

// Of several replicas, one at a time sends to a person: the channel refuses few messages for another one to the same
// person, each is accepted once, and none is put off.
func TestReplicasShareAPerson(t *testing.T) {
	t.Parallel()
	d, wechat := newDB(t), newStrict()
	for range 4 {
		run(t, config(d, wechat))
	}
	const people, each = 3, 100
	d.many(people, each)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == people*each })
	wechat.mu.Lock()
	defer wechat.mu.Unlock()
	t.Logf("%d calls, %d refused", wechat.calls, wechat.refused)
	if wechat.calls-wechat.refused != people*each || wechat.refused > wechat.calls/10 {
		t.Errorf("%d calls for %d messages, %d refused", wechat.calls, people*each, wechat.refused)
	}
	if n := d.count(`attempts > 2`); n > 0 {
		t.Errorf("%d messages were put off again and again for what other replicas did", n)
	}
}

// One replica sends a person's messages in order, however many others wait between and behind them.
func TestOneReplicaKeepsOrder(t *testing.T) {
	t.Parallel()
	d, wechat := newDB(t), newStrict()
	cfg := config(d, wechat)
	cfg.Senders = 8
	run(t, cfg)
	const people, each = 3, 60
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter)
		SELECT CASE WHEN n BETWEEN 181 AND 680 THEN 'x' || n ELSE 'o' || n % 3 END,
			CASE WHEN n % 7 = 0 THEN 'u' ELSE 't' END, now() - interval '1 min', now() - interval '1 min'
		FROM generate_series(1, 500 + 2 * $1::int) AS n`, people*each)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 500+2*people*each })
	wechat.keptOrder(t)
}

// What is new goes before a backlog, but not before an older message to the same person that lies deep in it.
func TestNewMessagesKeepOrder(t *testing.T) {
	t.Parallel()
	d, wechat := newDB(t), newStrict()
	const backlog, people = 1000, 100
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter)
		SELECT CASE WHEN n > $1::int THEN 'o' || n % $2 ELSE 'x' || n END, CASE WHEN n % 7 = 0 THEN 'u' ELSE 't' END, t.due, t.due
		FROM generate_series(1, $1::int + 2 * $2::int) AS n CROSS JOIN LATERAL
			(SELECT CASE WHEN n > $1 + $2 THEN now() + '1 s' ELSE now() - interval '1 min' END AS due) AS t`, backlog, people)
	cfg := config(d, wechat)
	cfg.Senders = 4
	run(t, cfg)
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == backlog+2*people })
	wechat.keptOrder(t)
}

// keptOrder fails the test where a person got messages in another order than that of their ids, or two at once.
func (s *strict) keptOrder(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused > 0 {
		t.Errorf("%d refused", s.refused)
	}
	for openid, ids := range s.accepted {
		for i := range ids[1:] {
			if ids[i] > ids[i+1] {
				t.Errorf("%s got message %d before %d", openid, ids[i], ids[i+1])
			}
		}
	}
}

// Somebody else's messages to a person don't put off ours for ever: one ends with words for a person.
func TestPersonBusyEnds(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	cfg := config(d, &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict { return personBusy }})
	cfg.MaxAttempts = 3
	run(t, cfg)
	last := one[int64](d, `INSERT INTO subMsgList (openid, templateId, attempts) VALUES ('o', 't', 19) RETURNING id`)
	d.eventually(last, "fail")
	if said := one[string](d, `SELECT sendStatusMsg FROM subMsgList WHERE id = $1`, last); !strings.Contains(said, "已重试 20 次") {
		t.Error(said)
	}
	goesOn := one[int64](d, `INSERT INTO subMsgList (openid, templateId, attempts) VALUES ('o', 't', 17) RETURNING id`)
	where := fmt.Sprintf(`id = %d AND sendStatus = 'wait' AND attempts = 18 AND sendAfter > updateTime + interval '4 min'`, goesOn)
	eventually(t, where, func() bool { return d.count(where) == 1 })
}
