package fakewechat

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParallelCallsForOneOpenID(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	f.arm(Fault{Kind: "latency", Delay: time.Hour, OpenID: anna})
	hs, token := f.live(), f.stable(false).Token
	go post(hs, token, order())
	eventually(t, func() bool { return len(f.Sent()) == 1 })

	if r := f.send(order()); r.ErrCode != 43108 {
		t.Errorf("a second call for the same openid: %d %s", r.ErrCode, r.ErrMsg)
	}
	id(t, f.send(with(order(), "touser", boris)))
	if st := f.Stats(); st.MaxParallel != 2 || st.Calls != 3 || st.Accepted != 2 {
		t.Errorf("stats: %+v", st)
	}
	hs.CloseClientConnections()
}

// Many senders at once, each openid by two of them: no permission is used twice, no msgid given twice.
func TestManyAtOnce(t *testing.T) {
	const people, rounds = 20, 15
	f := newFake(t, Options{Latency: time.Microsecond})
	f.grant("*", orderID, rounds)
	var wg sync.WaitGroup
	for i := range 2 * people {
		openid := fmt.Sprintf("o%027d", i%people)
		wg.Go(func() {
			for f.Permissions(openid, orderID) > 0 {
				f.send(with(order(), "touser", openid))
			}
		})
	}
	wg.Wait()
	per, ids := map[string]int{}, map[int64]bool{}
	for _, sent := range f.Sent() {
		per[sent.OpenID]++
		ids[sent.MsgID] = true
	}
	for openid, n := range per {
		if n != rounds {
			t.Errorf("%s got %d, had %d permissions", openid, n, rounds)
		}
	}
	st := f.Stats()
	if len(per) != people || len(ids) != people*rounds || st.Accepted != people*rounds ||
		st.ErrCodes[0] != st.Accepted {
		t.Errorf("%d people, %d msgids, stats %+v", len(per), len(ids), st)
	}
	if sum := st.ErrCodes[0] + st.ErrCodes[43108] + st.ErrCodes[43101]; sum != st.Calls {
		t.Errorf("answers and calls differ: %+v", st)
	}
}

func TestLog(t *testing.T) {
	var lines []string
	f := newFake(t, Options{GrantAll: true, Log: func(line string) { lines = append(lines, line) }})
	f.send(order())
	f.send(with(order(), "touser", ""))
	f.arm(Fault{Kind: "drop_after", Path: SendPath})
	func() {
		defer func() { recover() }() // a recorder has no connection to cut
		f.send(order())
	}()
	want := []string{
		"send to oABC…Yz orderStatus: 0 accepted",
		"send to (no openid) orderStatus: 40003 invalid openid",
		"send to oABC…Yz orderStatus: fault drop_after (accepted)",
	}
	for i := range lines {
		lines[i], _, _ = strings.Cut(lines[i], " rid:")
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
}
