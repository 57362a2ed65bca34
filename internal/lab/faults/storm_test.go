//go:build faults

package faults

import (
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// storms are the times in which WeChat takes nothing from anybody.
var storms = []struct {
	name   string
	begin  func(*fakewechat.Server) error
	end    func(*fakewechat.Server)
	probed bool // so often that it is noticed soon; otherwise a person lifts the pause
}{
	{"45009", always(fakewechat.Fault{Kind: "errcode", ErrCode: 45009}), (*fakewechat.Server).ClearFaults, false},
	{"43107", always(fakewechat.Fault{Kind: "errcode", ErrCode: 43107}), (*fakewechat.Server).ClearFaults, false},
	{"-1", always(fakewechat.Fault{Kind: "system_error"}), (*fakewechat.Server).ClearFaults, true},
	{"40001, and no other token to be had",
		func(s *fakewechat.Server) error { s.KillTokens(false, true); return nil },
		func(s *fakewechat.Server) { s.KillTokens(false, false) }, true},
}

func always(f fakewechat.Fault) func(*fakewechat.Server) error {
	f.Count = -1
	return func(s *fakewechat.Server) error { return s.Fault(f) }
}

// stormy is one storm, over two replicas and a full table.
type stormy struct {
	*lab
	name           string
	probed         bool
	before, during fakewechat.Stats // since when everything waits, at the end
	lifted, sent   time.Duration    // after the end
}

const stormProbe = 10 * time.Second // the default, so that the probes a minute are those of production

// TestStorms lets each storm rage over thousands of waiting messages, ten minutes in the long form, with broken ones
// among them: no message is failed by it, at most six a minute go out, and all go when WeChat is back.
func TestStorms(t *testing.T) {
	t.Parallel()
	rows := min(10*max(200, *cycles), 10000)
	window := 2 * stormProbe
	if *cycles >= 1000 {
		window = 10 * time.Minute
	}
	var all []*stormy
	for _, storm := range storms {
		s := &stormy{lab: newLab(t, fakewechat.Options{}), name: storm.name, probed: storm.probed}
		// A worker learns of its dead token by a send, so that it needs one from before.
		s.startPatient()
		s.startPatient()
		s.insert(50)
		s.quiesce(30 * time.Second)
		if err := storm.begin(s.wechat); err != nil {
			t.Fatal(err)
		}
		s.insert(rows)
		all = append(all, s)
	}
	for _, s := range all {
		s.within(30*time.Second, s.name+" pauses everything", func() bool {
			return s.number(`SELECT count(*) FROM subMsgPause WHERE templateId = '*default'`) == 1 &&
				s.count(`sendStatus = 'sending'`) == 0
		})
		s.insertBroken(brokenRows)
		s.before = s.wechat.Stats()
	}
	began := time.Now()
	all[0].within(window+time.Minute, "the storm rages", func() bool { return time.Since(began) >= window })
	for _, s := range all {
		s.during = s.wechat.Stats()
		probes, most := s.during.Calls-s.before.Calls, int(time.Since(began)/stormProbe)+1
		t.Logf("%s: %d probes and %d token calls in %s", s.name, probes,
			s.during.Tokens.Stable-s.before.Tokens.Stable, time.Since(began).Round(time.Second))
		if probes < 1 && s.probed || probes > most {
			t.Errorf("%s: %d probes in %s, want 1 to %d", s.name, probes, time.Since(began), most)
		}
		if failed := s.count(`sendStatus NOT IN ('wait', 'sending', 'success')`); failed > brokenRows {
			t.Errorf("%s: %d messages ended, %d are broken", s.name, failed, brokenRows)
		}
		total.inject("storm of "+s.name+", messages waiting", rows)
	}
	for i, storm := range storms {
		storm.end(all[i].wechat)
		if !storm.probed {
			all[i].exec(`DELETE FROM subMsgPause`)
		}
	}
	awaitReturn(t, all, stormProbe+window)
}

// awaitReturn waits until everything has gone: the longer a storm has lasted, the later it is tried whether it is over.
// Both times count from one moment, and 3 s are for a busy machine.
func awaitReturn(t *testing.T, all []*stormy, noticed time.Duration) {
	t.Helper()
	over := time.Now()
	all[0].within(noticed+time.Minute, "everything goes", func() bool {
		left := 0
		for _, s := range all {
			if s.lifted == 0 && s.number(`SELECT count(*) FROM subMsgPause`) == 0 {
				s.lifted = time.Since(over)
			}
			if s.sent == 0 && s.lifted > 0 && s.quiet() {
				s.sent = time.Since(over)
			}
			if s.sent == 0 {
				left++
			}
		}
		return left == 0
	})
	for _, s := range all {
		t.Logf("%s: lifted after %s, all sent %s later", s.name, s.lifted, s.sent-s.lifted)
		if s.lifted > noticed+3*time.Second {
			t.Errorf("%s: the pause was lifted after %s", s.name, s.lifted)
		}
		if n := s.count(`sendStatus = 'success'`); n != int(s.keys.Load())-brokenRows {
			t.Errorf("%s: %d messages sent, %d of %d are broken", s.name, n, brokenRows, s.keys.Load())
		}
		if n := s.wechat.Stats().Tokens.Forced; n > 0 {
			t.Errorf("%s: %d forced refreshes", s.name, n)
		}
		s.check(0)
	}
}

// startPatient runs a worker with more time for a send than a busy machine needs, and with production's probes and
// poll.
func (l *lab) startPatient(env ...string) *worker {
	l.t.Helper()
	return l.start(append([]string{"SUBMSG_SEND_TIMEOUT=20s", "SUBMSG_LEASE=25s", "SUBMSG_POLL=2s",
		"SUBMSG_PROBE_EVERY=" + stormProbe.String()}, env...)...)
}

const brokenRows = 20

// insertBroken adds messages that can't be rendered, before all others.
func (l *lab) insertBroken(n int) {
	l.t.Helper()
	last := l.keys.Add(int64(n))
	l.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter, parameterArr)
		SELECT $3 || lpad(k::text, 12, '0'), 'orderStatus', now() - interval '1 hour', now() - interval '1 hour',
			ARRAY['生椰拿铁', 'no price', '已发货', 'm' || k]
		FROM generate_series($1::bigint, $2::bigint) AS k`, last-int64(n)+1, last, openidPrefix)
}
