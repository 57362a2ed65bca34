package fakewechat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (f *fake) arm(fault Fault) {
	f.t.Helper()
	if err := f.Fault(fault); err != nil {
		f.t.Fatal(err)
	}
}

// Each fault as a client on a real connection sees it, and whether the message counts.
func TestFaults(t *testing.T) {
	type seen struct {
		resp *http.Response
		body string
		err  error
	}
	answered := func(status int, part string) func(seen) bool {
		return func(s seen) bool {
			return s.err == nil && s.resp.StatusCode == status && strings.Contains(s.body, part)
		}
	}
	for _, tt := range []struct {
		name     string
		fault    Fault
		accepted int
		ok       func(seen) bool
	}{
		{"system error", Fault{Kind: "system_error"}, 0, answered(200, `{"errcode":-1,"errmsg":"system error rid: `)},
		{"system error, but sent", Fault{Kind: "system_error", Accepted: true}, 1, answered(200, `"errcode":-1,`)},
		{"known errcode", Fault{Kind: "errcode", ErrCode: 43107}, 0, answered(200, `"errcode":43107,"errmsg":"subscribe message ability is banned rid: `)},
		{"own errcode", Fault{Kind: "errcode", ErrCode: 99999, ErrMsg: "<odd> & new"}, 0, answered(200, `"errcode":99999,"errmsg":"<odd> & new rid: `)},
		{"502", Fault{Kind: "status_502"}, 0, answered(502, "<html>")},
		{"502, but sent", Fault{Kind: "status_502", Accepted: true}, 1, answered(502, "<html>")},
		{"html", Fault{Kind: "html"}, 0, answered(200, "<html>")},
		{"redirect", Fault{Kind: "redirect"}, 0, answered(307, "")},
		{"latency", Fault{Kind: "latency", Delay: time.Millisecond}, 1, answered(200, `"errmsg":"ok"`)},
		{"half the JSON", Fault{Kind: "half_json"}, 1, func(s seen) bool { return s.err == nil && !json.Valid([]byte(s.body)) }},
		{"no msgid", Fault{Kind: "no_msgid"}, 1, func(s seen) bool { return s.err == nil && s.body == `{"errcode":0,"errmsg":"ok"}` }},
		{"wrong types", Fault{Kind: "wrong_types"}, 1, answered(200, `{"errcode":"0","errmsg":0,"msgid":"1`)},
		{"slow body", Fault{Kind: "slow_body", Delay: time.Microsecond}, 1, answered(200, `"msgid":`)},
		{"cut before", Fault{Kind: "drop_before"}, 0, func(s seen) bool { return errors.Is(s.err, io.EOF) }},
		{"cut after", Fault{Kind: "drop_after"}, 1, func(s seen) bool { return errors.Is(s.err, io.EOF) }},
		{"reset", Fault{Kind: "reset"}, 0, func(s seen) bool { return errors.Is(s.err, syscall.ECONNRESET) }},
		{"reset, but sent", Fault{Kind: "reset", Accepted: true}, 1, func(s seen) bool { return errors.Is(s.err, syscall.ECONNRESET) }},
		{"truncated", Fault{Kind: "truncated"}, 1, func(s seen) bool {
			return errors.Is(s.err, io.ErrUnexpectedEOF) && strings.HasPrefix(s.body, `{"errcode":0`)
		}},
		{"endless", Fault{Kind: "endless"}, 1, func(s seen) bool { return s.err == nil && len(s.body) == 1<<20 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, Options{})
			f.grant(anna, orderID, 2)
			hs, token := f.live(), f.stable(false).Token
			f.arm(tt.fault)
			resp, body, err := post(hs, token, order())
			if !tt.ok(seen{resp, string(body), err}) {
				t.Errorf("the client saw %.200q, %v", body, err)
			}
			if n, left := len(f.Sent()), f.Permissions(anna, orderID); n != tt.accepted || left != 2-tt.accepted {
				t.Errorf("%d accepted and %d permissions left, want %d accepted", n, left, tt.accepted)
			}
			if resp, body, err = post(hs, token, order()); err != nil ||
				!strings.Contains(string(body), `"errmsg":"ok"`) {
				t.Errorf("the call after a single fault: %v %s %v", resp, body, err)
			}
			if n := f.Stats().Faults[tt.fault.Kind]; n != 1 {
				t.Errorf("struck %d times", n)
			}
		})
	}
}

func TestFaultsAimed(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	f.arm(Fault{Kind: "errcode", ErrCode: 45168, OpenID: boris, Count: 2})
	f.arm(Fault{Kind: "errcode", ErrCode: 43102, TemplateID: vipID, Count: Endless})
	f.arm(Fault{Kind: "errcode", ErrCode: 40164, Path: StableTokenPath})
	step := func(got result, want int) {
		t.Helper()
		if got.ErrCode != want {
			t.Errorf("got %d %s, want %d", got.ErrCode, got.ErrMsg, want)
		}
	}
	step(f.stable(false), 40164)
	step(f.send(order()), 0)
	step(f.send(with(order(), "touser", boris)), 45168)
	step(f.send(with(order(), "touser", boris, "template_id", vipID)), 45168)
	step(f.send(with(order(), "touser", boris)), 0)
	step(f.send(with(order(), "template_id", vipID)), 43102)
	step(f.send(with(order(), "template_id", vipID)), 43102)
	f.ClearFaults()
	step(f.send(with(order(), "template_id", vipID)), 47003)
}

func TestFaultsByChance(t *testing.T) {
	run := func() (codes string) {
		f := newFake(t, Options{GrantAll: true, Seed: 7})
		f.arm(Fault{Kind: "system_error", Count: Endless, Probability: 0.5})
		for range 40 {
			codes += map[int]string{0: ".", -1: "x"}[f.send(order()).ErrCode]
		}
		return codes
	}
	first := run()
	if second := run(); first != second {
		t.Errorf("one seed, two runs: %s and %s", first, second)
	}
	if hits := strings.Count(first, "x"); hits < 5 || hits > 35 {
		t.Errorf("half of the calls should fail: %s", first)
	}
}

// A client that gives up has sent its message all the same, and its openid stays taken.
func TestClientGivesUp(t *testing.T) {
	f := newFake(t, Options{})
	f.grant(anna, orderID, 2)
	hs, token := f.live(), f.stable(false).Token
	f.arm(Fault{Kind: "latency", Delay: time.Hour})

	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hs.URL+SendPath+"?access_token="+token,
		strings.NewReader(marshal(order())))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(req)
		gone <- err
	}()
	eventually(t, func() bool { return len(f.Sent()) == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatalf("the client got %v", err)
	}
	hs.Close() // waits for the handler
	if r := f.send(order()); r.ErrCode != 43108 || len(f.Sent()) != 1 {
		t.Errorf("the next call, while the server is still busy with the first: %d", r.ErrCode)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 20 s in vain")
		}
	}
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	f := newFake(t, Options{})
	for name, fault := range map[string]Fault{
		"no kind":                    {},
		"unknown kind":               {Kind: "earthquake"},
		"accepted before accepting":  {Kind: "drop_before", Accepted: true},
		"errcode without a code":     {Kind: "errcode"},
		"unknown code without text":  {Kind: "errcode", ErrCode: 12345},
		"code of a kind without one": {Kind: "html", ErrCode: 40001},
		"count":                      {Kind: "html", Count: -2},
		"probability":                {Kind: "html", Probability: 1.5},
		"delay":                      {Kind: "html", Delay: -1},
		"path":                       {Kind: "html", Path: "/cgi-bin/nothing"},
	} {
		if f.Fault(fault) == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
