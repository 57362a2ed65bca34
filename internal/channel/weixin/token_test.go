package weixin

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// endpoint is a token endpoint and a clock for tests: it counts what it is asked, and answers in turn.
type endpoint struct {
	mu    sync.Mutex
	asked int
	next  []fetched // the last one for ever
	now   time.Time
}

func (e *endpoint) fetch(context.Context) fetched {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.next[min(e.asked, len(e.next)-1)]
	e.asked++
	return f
}

func (e *endpoint) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *endpoint) pass(by time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(by)
}

func (e *endpoint) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

func open(t *testing.T, next ...fetched) (*endpoint, *tokens) {
	e := &endpoint{next: next, now: time.Now()}
	tk := newTokens(e.fetch, silent())
	tk.now = e.clock
	t.Cleanup(tk.close)
	return e, tk
}

func gives(value string) fetched { return fetched{value: value, life: 2 * time.Hour} }

var down = fetched{trouble: trouble(explain.KindUnreachable, outbox.Later, "")}

// want gets a token ("" for none) and checks how often the endpoint was asked in all, once its refresh is over.
func want(t *testing.T, e *endpoint, tk *tokens, value string, asked int) outbox.Verdict {
	t.Helper()
	got, trouble := tk.get(t.Context())
	tk.wg.Wait()
	if got != value || e.times() != asked {
		t.Errorf("got %q, asked %d times, want %q, %d", got, e.times(), value, asked)
	}
	if got == "" && trouble.Text == "" {
		t.Error("no token, and no reason")
	}
	return trouble
}

func TestTokenIsKeptAndRefreshedAhead(t *testing.T) {
	e, tk := open(t, gives("A"), gives("A"), down, gives("B"))
	want(t, e, tk, "A", 1)
	e.pass(time.Hour + 55*time.Minute)
	want(t, e, tk, "A", 1)
	e.pass(time.Second) // less than 5 minutes left: still the same, kept to its new end
	want(t, e, tk, "A", 2)
	want(t, e, tk, "A", 2)
	e.pass(2*time.Hour - time.Minute) // the endpoint is down: the old one goes on
	want(t, e, tk, "A", 3)
	e.pass(59 * time.Second) // not so soon again
	want(t, e, tk, "A", 3)
	e.pass(time.Minute) // over: waits for the new one
	want(t, e, tk, "B", 4)
}

func TestShortLivedTokenIsNotHammered(t *testing.T) {
	e, tk := open(t, fetched{value: "A", life: 300 * time.Second})
	for range 300 {
		if got, _ := tk.get(t.Context()); got != "A" {
			t.Fatalf("got %q", got)
		}
		tk.wg.Wait()
		e.pass(time.Second)
	}
	if n := e.times(); n != 5 {
		t.Errorf("asked %d times in 5 minutes, want 5", n)
	}
}

func TestTokenEndpointDown(t *testing.T) {
	e, tk := open(t, down, down, gives("A"))
	want(t, e, tk, "", 1)
	want(t, e, tk, "", 1)
	e.pass(leastRest - time.Millisecond)
	want(t, e, tk, "", 1)
	e.pass(time.Millisecond)
	if v := want(t, e, tk, "", 2); v.Outcome != outbox.Later {
		t.Errorf("%v", v)
	}
	e.pass(2*leastRest - time.Millisecond)
	want(t, e, tk, "", 2)
	e.pass(time.Millisecond)
	want(t, e, tk, "A", 3)
}

// While there is no token, the endpoint is asked more and more seldom, whatever the trouble is, and at once with a new
// secret. A token that WeChat took ends that.
func TestTokenIsAskedForMoreAndMoreSeldom(t *testing.T) {
	refuses := fetched{trouble: trouble(explain.KindTokenRefused, outbox.Halt, "")}
	for name, p := range map[string]struct {
		answer      fetched
		rejects     bool
		least, most int // requests in a day
	}{
		"away":                  {down, false, 24 * 60, 24*60 + 10},
		"refused":               {refuses, false, 24 * 6, 24*6 + 10},
		"the same token, again": {gives("A"), true, 24 * 12, 24*12 + 24}, // once more after each rejection
	} {
		e, tk := open(t, p.answer)
		day := func() {
			for range 24 * 3600 / 2 { // Ready asks every 2 s
				value, _ := tk.get(t.Context())
				tk.wg.Wait()
				if value != "" && p.rejects {
					tk.reject(value)
				}
				e.pass(2 * time.Second)
			}
		}
		day()
		if n := e.times(); n < p.least || n > p.most {
			t.Errorf("%s: %d requests in a day, want %d to %d", name, n, p.least, p.most)
		}
		before := e.times()
		tk.renewed = func() bool { tk.renewed = func() bool { return false }; return true }
		tk.get(t.Context())
		tk.wg.Wait()
		if n := e.times() - before; n != 1 {
			t.Errorf("%s: %d requests at once with a new secret", name, n)
		}
	}
}

func TestTokenThatIsTakenEndsTheRests(t *testing.T) {
	e, tk := open(t, down, down, down, gives("A"), down, gives("B"))
	for n, rest := range []time.Duration{leastRest, 2 * leastRest, 4 * leastRest} {
		want(t, e, tk, "", n+1)
		e.pass(rest)
	}
	want(t, e, tk, "A", 4)
	tk.accept("A")
	e.pass(2 * time.Hour)
	want(t, e, tk, "", 5)
	e.pass(leastRest)
	want(t, e, tk, "B", 6)
}

func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	e, tk := open(t, gives("A"), gives("B"), gives("C"))
	want(t, e, tk, "A", 1)
	tk.reject("A")
	want(t, e, tk, "B", 2)
	tk.reject("A") // a slow send with the old one
	want(t, e, tk, "B", 2)
	tk.reject("B") // its replacement too: no loop
	if v := want(t, e, tk, "", 2); v.Outcome != outbox.Halt {
		t.Errorf("%v", v)
	}
	e.pass(leastRest)
	want(t, e, tk, "C", 3)
}

func TestReplacementThatWorkedMayBeReplacedAtOnce(t *testing.T) {
	e, tk := open(t, gives("A"), gives("B"), gives("C"))
	want(t, e, tk, "A", 1)
	tk.reject("A")
	want(t, e, tk, "B", 2)
	tk.accept("B")
	tk.reject("B")
	want(t, e, tk, "C", 3)
}

// WeChat was seen to reject a token for a while that stable_token holds for valid.
func TestRejectedTokenGivenAgain(t *testing.T) {
	e, tk := open(t, gives("A"))
	want(t, e, tk, "A", 1)
	tk.reject("A")
	if v := want(t, e, tk, "", 2); v.Outcome != outbox.Halt {
		t.Errorf("%v", v)
	}
	want(t, e, tk, "", 2)
	e.pass(leastRest) // tried again, it may work now
	want(t, e, tk, "A", 3)
	tk.reject("A")
	want(t, e, tk, "", 4)
}

func TestOneCallersCancelIsHisOwn(t *testing.T) {
	release := make(chan struct{})
	tk := newTokens(func(ctx context.Context) fetched {
		select {
		case <-release:
			return gives("A")
		case <-ctx.Done():
			return down
		}
	}, silent())
	t.Cleanup(tk.close)
	ctx, cancel := context.WithCancel(t.Context())
	first, other := make(chan string), make(chan string)
	var verdict outbox.Verdict
	go func() {
		value, v := tk.get(ctx)
		verdict = v
		first <- value
	}()
	go func() {
		value, _ := tk.get(t.Context())
		other <- value
	}()
	cancel()
	if value := <-first; value != "" || verdict.Outcome != outbox.Later || verdict.Stops != nil {
		t.Errorf("canceled: %q, %+v", value, verdict)
	}
	close(release)
	if value := <-other; value != "A" {
		t.Errorf("the other got %q", value)
	}
}

func TestCloseEndsARefresh(t *testing.T) {
	tk := newTokens(func(ctx context.Context) fetched { <-ctx.Done(); return down }, silent())
	waiter := make(chan string)
	go func() {
		value, _ := tk.get(t.Context())
		waiter <- value
	}()
	tk.close()
	if value := <-waiter; value != "" {
		t.Errorf("got %q", value)
	}
	if value, v := tk.get(t.Context()); value != "" || v.Outcome != outbox.Later {
		t.Errorf("after close: %q, %v", value, v)
	}
}

func TestReadToken(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		want       outbox.Outcome
		life       time.Duration
	}{
		{"a token", `{"access_token":"abc","expires_in":345}`, 200, outbox.Accepted, 345 * time.Second},
		{"errcode 0 beside it", `{"errcode":0,"access_token":"abc","expires_in":345}`, 200, outbox.Accepted, 345 * time.Second},
		{"too long a life", `{"access_token":"abc","expires_in":99999999}`, 200, outbox.Accepted, 2 * time.Hour},
		{"no life", `{"access_token":"abc"}`, 200, outbox.Later, 0},
		{"life as text", `{"access_token":"abc","expires_in":"7200"}`, 200, outbox.Later, 0},
		{"life 0", `{"access_token":"abc","expires_in":0}`, 200, outbox.Later, 0},
		{"negative life", `{"access_token":"abc","expires_in":-1}`, 200, outbox.Later, 0},
		{"empty token", `{"access_token":"","expires_in":7200}`, 200, outbox.Later, 0},
		{"token with a line break", `{"access_token":"a\nb","expires_in":7200}`, 200, outbox.Later, 0},
		{"no JSON", `<html>`, 200, outbox.Later, 0},
		{"half a JSON", `{"access_token":"abc","expires_in":7200`, 200, outbox.Later, 0},
		{"status 502", `{"access_token":"abc","expires_in":7200}`, 502, outbox.Later, 0},
		{"redirect", ``, 302, outbox.Later, 0},
		{"busy", `{"errcode":-1,"errmsg":"system error"}`, 200, outbox.Later, 0},
		{"wrong appid", `{"errcode":40013,"errmsg":"invalid appid"}`, 200, outbox.Halt, 0},
		{"wrong secret", `{"errcode":40125,"errmsg":"invalid appsecret"}`, 200, outbox.Halt, 0},
		{"wrong secret, other code", `{"errcode":40001,"errmsg":"invalid credential"}`, 200, outbox.Halt, 0},
		{"allow list", `{"errcode":40164,"errmsg":"invalid ip 1.2.3.4, not in whitelist"}`, 200, outbox.Halt, 0},
		{"no appid", `{"errcode":41002}`, 200, outbox.Halt, 0},
		{"administrator asked", `{"errcode":89503}`, 200, outbox.Halt, 0},
		{"quota", `{"errcode":45009}`, 200, outbox.Halt, 0},
		{"a message's code", `{"errcode":47003}`, 200, outbox.Halt, 0},
		{"a strange code", `{"errcode":12345}`, 200, outbox.Halt, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := readToken(wire.Reply{Status: tt.status, Body: []byte(tt.body)},
				func(text string) string { return text })
			if tt.want == outbox.Accepted {
				if f.value != "abc" || f.life != tt.life {
					t.Errorf("%+v", f)
				}
				return
			}
			if f.value != "" || f.trouble.Outcome != tt.want || len(f.trouble.Stops) != 1 ||
				f.trouble.Stops[0] != outbox.WholeAccount ||
				(f.trouble.Code == nil) == (f.trouble.Kind == "") {
				t.Errorf("%+v, want %v of the account", f, tt.want)
			}
		})
	}
}
