package wechat

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// desk is a token endpoint and a clock for tests: it counts what it is asked, and answers in turn.
type desk struct {
	mu    sync.Mutex
	asked int
	next  []fetched // the last one for ever
	now   time.Time
}

func (d *desk) fetch(context.Context) fetched {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.next[min(d.asked, len(d.next)-1)]
	d.asked++
	return f
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) times() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func open(t *testing.T, next ...fetched) (*desk, *tokens) {
	d := &desk{next: next, now: time.Now()}
	tk := newTokens(d.fetch, logTo(io.Discard))
	tk.now = d.clock
	t.Cleanup(tk.close)
	return d, tk
}

func gives(value string) fetched { return fetched{value: value, life: 2 * time.Hour} }

var down = fetched{trouble: noToken.verdict("")}

// want gets a token ("" for none) and checks how often the endpoint was asked in all, once its refresh is over.
func want(t *testing.T, d *desk, tk *tokens, value string, asked int) outbox.Verdict {
	t.Helper()
	got, trouble := tk.get(t.Context())
	tk.wg.Wait()
	if got != value || d.times() != asked {
		t.Errorf("got %q, asked %d times, want %q, %d", got, d.times(), value, asked)
	}
	if got == "" && trouble.Text == "" {
		t.Error("no token, and no reason")
	}
	return trouble
}

func TestTokenIsKeptAndRefreshedAhead(t *testing.T) {
	d, tk := open(t, gives("A"), gives("A"), down, gives("B"))
	want(t, d, tk, "A", 1)
	d.pass(time.Hour + 55*time.Minute)
	want(t, d, tk, "A", 1)
	d.pass(time.Second) // less than 5 minutes left: still the same, kept to its new end
	want(t, d, tk, "A", 2)
	want(t, d, tk, "A", 2)
	d.pass(2*time.Hour - time.Minute) // the endpoint is down: the old one goes on
	want(t, d, tk, "A", 3)
	d.pass(59 * time.Second) // not so soon again
	want(t, d, tk, "A", 3)
	d.pass(time.Minute) // over: waits for the new one
	want(t, d, tk, "B", 4)
}

func TestShortLivedTokenIsNotHammered(t *testing.T) {
	d, tk := open(t, fetched{value: "A", life: 300 * time.Second})
	for range 300 {
		if got, _ := tk.get(t.Context()); got != "A" {
			t.Fatalf("got %q", got)
		}
		tk.wg.Wait()
		d.pass(time.Second)
	}
	if n := d.times(); n != 5 {
		t.Errorf("asked %d times in 5 minutes, want 5", n)
	}
}

func TestTokenEndpointDown(t *testing.T) {
	d, tk := open(t, down, down, gives("A"))
	want(t, d, tk, "", 1)
	want(t, d, tk, "", 1)
	d.pass(spacing - time.Millisecond)
	want(t, d, tk, "", 1)
	d.pass(time.Millisecond)
	if v := want(t, d, tk, "", 2); v.Outcome != outbox.Later {
		t.Errorf("%v", v)
	}
	d.pass(spacing)
	want(t, d, tk, "A", 3)
}

func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	d, tk := open(t, gives("A"), gives("B"), gives("C"))
	want(t, d, tk, "A", 1)
	tk.reject("A")
	want(t, d, tk, "B", 2)
	tk.reject("A") // a slow send with the old one
	want(t, d, tk, "B", 2)
	tk.reject("B") // its replacement too: no loop
	if v := want(t, d, tk, "", 2); v.Outcome != outbox.Halt {
		t.Errorf("%v", v)
	}
	d.pass(spacing)
	want(t, d, tk, "C", 3)
}

func TestReplacementThatWorkedMayBeReplacedAtOnce(t *testing.T) {
	d, tk := open(t, gives("A"), gives("B"), gives("C"))
	want(t, d, tk, "A", 1)
	tk.reject("A")
	want(t, d, tk, "B", 2)
	tk.accept("B")
	tk.reject("B")
	want(t, d, tk, "C", 3)
}

// WeChat was seen to reject a token for a while that stable_token holds for valid.
func TestRejectedTokenGivenAgain(t *testing.T) {
	d, tk := open(t, gives("A"))
	want(t, d, tk, "A", 1)
	tk.reject("A")
	if v := want(t, d, tk, "", 2); v.Outcome != outbox.Halt {
		t.Errorf("%v", v)
	}
	want(t, d, tk, "", 2)
	d.pass(spacing) // tried again, it may work now
	want(t, d, tk, "A", 3)
	tk.reject("A")
	want(t, d, tk, "", 4)
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
	}, logTo(io.Discard))
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
	tk := newTokens(func(ctx context.Context) fetched { <-ctx.Done(); return down }, logTo(io.Discard))
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
		{"no life", `{"access_token":"abc"}`, 200, later, 0},
		{"life as text", `{"access_token":"abc","expires_in":"7200"}`, 200, later, 0},
		{"life 0", `{"access_token":"abc","expires_in":0}`, 200, later, 0},
		{"negative life", `{"access_token":"abc","expires_in":-1}`, 200, later, 0},
		{"empty token", `{"access_token":"","expires_in":7200}`, 200, later, 0},
		{"token with a line break", `{"access_token":"a\nb","expires_in":7200}`, 200, later, 0},
		{"no JSON", `<html>`, 200, later, 0},
		{"half a JSON", `{"access_token":"abc","expires_in":7200`, 200, later, 0},
		{"status 502", `{"access_token":"abc","expires_in":7200}`, 502, later, 0},
		{"redirect", ``, 302, later, 0},
		{"busy", `{"errcode":-1,"errmsg":"system error"}`, 200, later, 0},
		{"wrong appid", `{"errcode":40013,"errmsg":"invalid appid"}`, 200, halt, 0},
		{"wrong secret", `{"errcode":40125,"errmsg":"invalid appsecret"}`, 200, halt, 0},
		{"wrong secret, other code", `{"errcode":40001,"errmsg":"invalid credential"}`, 200, halt, 0},
		{"allow list", `{"errcode":40164,"errmsg":"invalid ip 1.2.3.4, not in whitelist"}`, 200, halt, 0},
		{"no appid", `{"errcode":41002}`, 200, halt, 0},
		{"administrator asked", `{"errcode":89503}`, 200, halt, 0},
		{"quota", `{"errcode":45009}`, 200, halt, 0},
		{"a message's code", `{"errcode":47003}`, 200, halt, 0},
		{"a strange code", `{"errcode":12345}`, 200, halt, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := readToken(reply{status: tt.status, body: []byte(tt.body)}, blackOut(canarySecret))
			if tt.want == outbox.Accepted {
				if f.value != "abc" || f.life != tt.life {
					t.Errorf("%+v", f)
				}
				return
			}
			if f.value != "" || f.trouble.Outcome != tt.want || len(f.trouble.Stops) != 1 || f.trouble.Stops[0] != outbox.Account {
				t.Errorf("%+v, want %v of the account", f, tt.want)
			}
		})
	}
}
