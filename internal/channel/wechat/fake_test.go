package wechat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// fake is a fakewechat and a sender to it.
type fake struct {
	*testing.T
	url    string
	sender *Sender
}

func openFake(t *testing.T, change ...func(*Config)) fake {
	t.Helper()
	c := catalogue(t)
	server := httptest.NewServer(fakewechat.New(fakewechat.Options{
		AppID: "wx0000000000000000", Secret: canarySecret, GrantAll: true,
		Templates: func() *templates.Catalogue { return c },
	}))
	t.Cleanup(server.Close)
	return fake{t, server.URL, newSender(t, server.URL, change...)}
}

func (f fake) post(path, body string) {
	f.Helper()
	resp, err := http.Post(f.url+"/_fake/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.Fatalf("%s %s: HTTP %d", path, body, resp.StatusCode)
	}
}

type stats struct {
	Calls, Accepted int
	Tokens          struct{ Stable, Forced int }
}

func (f fake) stats() (s stats) {
	f.Helper()
	resp, err := http.Get(f.url + "/_fake/stats")
	if err != nil {
		f.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		f.Fatal(err)
	}
	return s
}

// person is an openid of its own: WeChat refuses parallel calls for one.
func person(n int) outbox.Claimed {
	c := claim()
	c.OpenID = fmt.Sprintf("o%027d", n)
	return c
}

func TestFakeAccepts(t *testing.T) {
	f := openFake(t)
	v := f.sender.Send(t.Context(), claim())
	if v.Outcome != outbox.Accepted || v.MsgID <= 1<<53 || *v.Code != 0 {
		t.Errorf("%+v", v)
	}
}

// Each fault, and what a send makes of it: the fake keeps the ledger of what it really accepted.
func TestFakeFaults(t *testing.T) {
	for _, tt := range []struct {
		fault    string
		want     outbox.Outcome
		accepted int
	}{
		{`{"kind":"system_error"}`, outbox.Later, 0},
		{`{"kind":"errcode","errcode":45009}`, outbox.Halt, 0},
		{`{"kind":"errcode","errcode":45011}`, outbox.Halt, 0},
		{`{"kind":"errcode","errcode":43108}`, outbox.Later, 0},
		{`{"kind":"errcode","errcode":43101}`, outbox.Refused, 0},
		{`{"kind":"errcode","errcode":40037}`, outbox.Halt, 0},
		{`{"kind":"errcode","errcode":55555,"errmsg":"something new"}`, outbox.Later, 0},
		{`{"kind":"drop_before"}`, outbox.Unknown, 0},
		{`{"kind":"drop_after"}`, outbox.Unknown, 1},
		{`{"kind":"reset"}`, outbox.Unknown, 0},
		{`{"kind":"reset","accepted":true}`, outbox.Unknown, 1},
		{`{"kind":"status_502"}`, outbox.Unknown, 0},
		{`{"kind":"status_502","accepted":true}`, outbox.Unknown, 1},
		{`{"kind":"html","accepted":true}`, outbox.Unknown, 1},
		{`{"kind":"truncated"}`, outbox.Unknown, 1},
		{`{"kind":"half_json"}`, outbox.Unknown, 1},
		{`{"kind":"endless"}`, outbox.Unknown, 1},
		{`{"kind":"wrong_types"}`, outbox.Unknown, 1},
		{`{"kind":"slow_body"}`, outbox.Unknown, 1},
		{`{"kind":"latency","delay":"1m"}`, outbox.Unknown, 1},
		{`{"kind":"no_msgid"}`, outbox.Accepted, 1},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			f := openFake(t, timeout(500*time.Millisecond))
			f.sender.Ready(t.Context())
			f.post("faults", tt.fault)
			v := f.sender.Send(t.Context(), claim())
			if v.Outcome != tt.want {
				t.Errorf("%v (%s), want %v", v.Outcome, v.Text, tt.want)
			}
			if s := f.stats(); s.Calls != 1 || s.Accepted != tt.accepted {
				t.Errorf("%+v, want 1 call, %d accepted", s, tt.accepted)
			}
		})
	}
}

// Revoked again and again under load: every message goes out once, at most one refresh a time, none forced.
func TestFakeRevokesTokens(t *testing.T) {
	const rounds, senders = 20, 10
	f := openFake(t)
	for round := range rounds {
		var all sync.WaitGroup
		for n := range senders {
			all.Go(func() {
				if v := f.sender.Send(t.Context(), person(round*senders+n)); v.Outcome != outbox.Accepted {
					t.Errorf("%v (%s)", v.Outcome, v.Text)
				}
			})
		}
		all.Wait()
		f.post("tokens", `{"revoke":true}`)
	}
	if s := f.stats(); s.Accepted != rounds*senders || s.Tokens.Stable != rounds || s.Tokens.Forced != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFakeExpiresToken(t *testing.T) {
	f := openFake(t)
	f.sender.Ready(t.Context())
	f.post("tokens", `{"expire":true}`)
	if v := f.sender.Send(t.Context(), claim()); v.Outcome != outbox.Accepted {
		t.Errorf("%v (%s)", v.Outcome, v.Text)
	}
}

// stable_token goes on giving the token that subscribe/send rejects.
func TestFakeKeepsRejectedToken(t *testing.T) {
	f := openFake(t)
	f.sender.Ready(t.Context())
	f.post("tokens", `{"revoke":true,"sticky":true}`)
	for range 10 {
		if v := f.sender.Send(t.Context(), claim()); v.Outcome != outbox.Halt || v.Stops == nil {
			t.Errorf("%+v", v)
		}
	}
	if s := f.stats(); s.Tokens.Stable != 2 || s.Accepted != 0 {
		t.Errorf("%+v, want 2 token calls", s)
	}
}

func TestFakeRefusesAccount(t *testing.T) {
	f := openFake(t, func(c *Config) { c.Secret = "another-secret" })
	v := f.sender.Ready(t.Context())
	if v.Outcome != outbox.Halt || !strings.Contains(v.Text, "AppSecret") {
		t.Errorf("%+v", v)
	}
	f = openFake(t, func(c *Config) { c.AppID = "wx1111111111111111" })
	v = f.sender.Ready(t.Context())
	if v.Outcome != outbox.Halt || !strings.Contains(v.Text, "AppID") {
		t.Errorf("%+v", v)
	}
}

func TestFakeNamesTheBadParameter(t *testing.T) {
	f := openFake(t)
	f.post("faults", `{"kind":"errcode","errcode":47003,`+
		`"errmsg":"argument invalid! data.thing11.value invalid rid: 6472dfd0-536f4e2c-16f28abc"}`)
	v := f.sender.Send(t.Context(), claim())
	if v.Outcome != outbox.Refused || !strings.HasPrefix(v.Text, "第 3 个参数 orderStatus（thing11）") {
		t.Errorf("%+v", v)
	}
}
