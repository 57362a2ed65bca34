package outbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// several is a Sender of several accounts. The account a sends the templates a and a2, and so on.
type several struct {
	mu       sync.Mutex
	accounts []outbox.Account
	ready    map[string]func(context.Context) outbox.Verdict
	answer   map[string]func(context.Context, outbox.Claimed) outbox.Verdict
	sent     map[string]int // by account
}

func newSeveral(accounts ...outbox.Account) *several {
	s := &several{ready: make(map[string]func(context.Context) outbox.Verdict),
		answer: make(map[string]func(context.Context, outbox.Claimed) outbox.Verdict), sent: make(map[string]int)}
	for _, a := range accounts {
		a.Templates = []string{a.Name, a.Name + "2"}
		s.accounts = append(s.accounts, a)
	}
	return s
}

func (s *several) Accounts() []outbox.Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts
}

// says lets an account answer otherwise from now on. nil: as at first.
func (s *several) says(account string, ready func(context.Context) outbox.Verdict,
	answer func(context.Context, outbox.Claimed) outbox.Verdict,
) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[account], s.answer[account] = ready, answer
}

func (s *several) Ready(ctx context.Context, account string) outbox.Verdict {
	s.mu.Lock()
	ready := s.ready[account]
	s.mu.Unlock()
	if ready != nil {
		return ready(ctx)
	}
	return outbox.Verdict{Outcome: outbox.Accepted}
}

func (s *several) Send(ctx context.Context, m outbox.Claimed) outbox.Verdict {
	s.mu.Lock()
	s.sent[m.Account]++
	answer := s.answer[m.Account]
	s.mu.Unlock()
	switch {
	case m.Account == "":
		return outbox.Verdict{Outcome: outbox.Refused, Text: "no account sends " + m.TemplateID}
	case answer != nil:
		return answer(ctx, m)
	}
	return accepted(m)
}

// often: what is wrong with an account, or new, is looked at each poll.
const often = 50 * time.Millisecond

// insertMany inserts so many messages of a template.
func (d *db) insertMany(template string, n int) {
	d.t.Helper()
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT $1 || n, $1 FROM generate_series(1, $2::int) AS n`, template, n)
}

// Whatever is the matter with an account, its messages wait and those of others go. When it is over all of them go.
func TestSickAccount(t *testing.T) {
	t.Parallel()
	code := int32(45009)
	release := make(chan struct{})
	hang := func(ctx context.Context) {
		select {
		case <-release:
		case <-ctx.Done():
		}
	}
	defer close(release)
	stopped := outbox.Verdict{Outcome: outbox.Halt, Code: &code, Text: "quota", Stops: []string{outbox.WholeAccount}}
	for name, sick := range map[string]struct {
		ready  func(context.Context) outbox.Verdict
		answer func(context.Context, outbox.Claimed) outbox.Verdict
		spoil  string
		mend   string
	}{
		"no token": {ready: func(context.Context) outbox.Verdict {
			return outbox.Verdict{Outcome: outbox.Halt, Text: "a wrong secret"}
		}},
		"its token takes for ever": {ready: func(ctx context.Context) outbox.Verdict {
			hang(ctx)
			return outbox.Verdict{Outcome: outbox.Later, Text: "no answer"}
		}},
		"stopped": {answer: func(context.Context, outbox.Claimed) outbox.Verdict { return stopped }},
		"its sends take for ever": {answer: func(ctx context.Context, m outbox.Claimed) outbox.Verdict {
			hang(ctx)
			return outbox.Verdict{Outcome: outbox.Later, Text: "no answer"}
		}},
		"paused by hand": {spoil: `INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*b', 'by hand', 'infinity')`,
			mend: `DELETE FROM subMsgPause WHERE templateId = '*b'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDB(t)
			s := newSeveral(outbox.Account{Name: "a", OnePersonAtATime: true},
				outbox.Account{Name: "b", OnePersonAtATime: true, Senders: 4})
			s.says("b", sick.ready, sick.answer)
			if sick.spoil != "" {
				d.exec(sick.spoil)
			}
			cfg := config(d, s)
			cfg.Senders, cfg.ProbeEvery, cfg.SendTimeout = 8, 50*time.Millisecond, time.Second
			cfg.Poll = often
			run(t, cfg)
			d.insertMany("b", 200)
			d.insertMany("b2", 200)
			for range 5 {
				d.insertMany("a", 100)
				d.insertMany("a2", 100)
				eventually(t, "the other account sends", func() bool {
					return d.count(`templateId LIKE 'a%' AND sendStatus <> 'success'`) == 0
				})
			}
			if n := d.count(`templateId LIKE 'b%' AND sendStatus IN ('wait', 'sending')`); n != 400 {
				t.Errorf("%d of 400 wait", n)
			}
			if n := one[int](d, `SELECT count(*) FROM subMsgPause WHERE templateId <> '*b'`); n > 0 {
				t.Errorf("%d pauses of more than the account", n)
			}
			s.says("b", nil, nil)
			if sick.mend != "" {
				d.exec(sick.mend)
			}
			eventually(t, "all is sent", func() bool { return d.count(`sendStatus = 'success'`) == 1400 })
		})
	}
}

// Each account keeps to its own rate.
func TestRateOfAnAccount(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	s := newSeveral(outbox.Account{Name: "a"}, outbox.Account{Name: "b", Rate: slow},
		outbox.Account{Name: "c", Rate: 50})
	run(t, config(d, s))
	began := time.Now()
	for _, template := range []string{"a", "b", "c"} {
		d.insertMany(template, 100)
	}
	eventually(t, "a and c are sent", func() bool { return d.count(`sendStatus = 'success'`) == 201 })
	if took := time.Since(began); took < time.Second*(100-51)/50 {
		t.Errorf("100 messages after %s at 50 a second", took)
	}
	if n := d.count(`templateId = 'b' AND sendStatus = 'success'`); n != 1 {
		t.Errorf("%d of b are sent", n)
	}
}

// A template that no account sends is refused by the Sender, be an account ready or not.
func TestNobodysTemplate(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	s := newSeveral(outbox.Account{Name: "a"})
	s.says("a", func(context.Context) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Halt, Text: "no token"}
	}, nil)
	cfg := config(d, s)
	cfg.Poll = often
	run(t, cfg)
	d.eventually(d.insert(outbox.Message{OpenID: "o", TemplateID: "misspelt"})[0], "fail")
}

// Accounts come and go while messages wait: each goes by the account that sends its template then, and once.
func TestAccountsChange(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	s := newSeveral()
	s.accounts = []outbox.Account{{Name: "a", Templates: []string{"t0", "t1"}}}
	cfg := config(d, s)
	cfg.Poll = often
	run(t, cfg)
	const each = 300
	for n := range 20 {
		d.exec(`INSERT INTO subMsgList (openid, templateId)
			SELECT 'o' || n, 't' || n % 2 FROM generate_series(1, $1::int) AS n`, each)
		names := []string{"a", "b", "c"}
		s.mu.Lock()
		s.accounts = nil
		for i, name := range names[n%2 : n%2+2] {
			s.accounts = append(s.accounts,
				outbox.Account{Name: name, Senders: 1 + n%3, Templates: []string{fmt.Sprint("t", (i+n)%2)}})
		}
		s.mu.Unlock()
		if n%4 == 3 {
			eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == (n+1)*each })
		}
	}
	if n := d.count(`attempts <> 1`); n > 0 {
		t.Errorf("%d were tried twice", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.sent["a"] + s.sent["b"] + s.sent["c"]; all != 20*each || s.sent["c"] == 0 {
		t.Errorf("sent %v of %d", s.sent, 20*each)
	}
}

// Only where the channel wants so do messages to a person wait for one another.
func TestManyToAPersonAtATime(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	s := newSeveral(outbox.Account{Name: "a", OnePersonAtATime: true}, outbox.Account{Name: "b"})
	gate, under := make(chan struct{}), make(chan string, 20)
	for _, name := range []string{"a", "b"} {
		s.says(name, nil, func(_ context.Context, m outbox.Claimed) outbox.Verdict {
			under <- m.Account
			<-gate
			return accepted(m)
		})
	}
	run(t, config(d, s))
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o', t FROM generate_series(1, 8), unnest('{a,b}'::text[]) AS t`)
	together := make(map[string]int)
	for range 9 {
		together[<-under]++
	}
	close(gate)
	if together["a"] != 1 || together["b"] != 8 {
		t.Errorf("%v at a time", together)
	}
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 16 })
}

// A Sender whose accounts can't be is told when the consumer is made, and one that has them only later is outlived.
func TestAccountsThatCantBe(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for name, list := range map[string][]outbox.Account{
		"twice":            {{Name: "a", Templates: []string{"t"}}, {Name: "a", Templates: []string{"u"}}},
		"without a name":   {{Templates: []string{"t"}}},
		"for any, of two":  {{Name: "a"}, {Name: "b", Templates: []string{"t"}}},
		"negative senders": {{Name: "a", Senders: -1}},
		"negative rate":    {{Name: "a", Rate: -1}},
	} {
		s := newSeveral()
		s.accounts = list
		if _, err := outbox.New(config(d, s)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s := newSeveral(outbox.Account{Name: "a"})
	good := s.accounts
	cfg := config(d, s)
	cfg.Poll = often
	c, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	said := recordLog(cfg.Log.Logger)
	s.accounts = []outbox.Account{{Name: "a"}, {Name: "b"}}
	d.insertMany("a", 10)
	stop := runConsumer(t, c)
	eventually(t, "it is said", func() bool { return said("the accounts before stay in use") })
	s.mu.Lock()
	s.accounts = good
	s.mu.Unlock()
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 10 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}
