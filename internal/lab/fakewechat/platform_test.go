package fakewechat

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// platform is a WeChat of two accounts, talked to without a network.
type platform struct {
	*Platform
	t *testing.T
}

func (p platform) call(method, target, body string) (int, string) {
	p.t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func (p platform) result(method, target, body string) (r result) {
	p.t.Helper()
	if code, text := p.call(method, target, body); code != http.StatusOK || json.Unmarshal([]byte(text), &r) != nil {
		p.t.Fatalf("%s %.60s: HTTP %d %s", method, target, code, text)
	}
	return r
}

func (p platform) token(appID, secret string) result {
	p.t.Helper()
	return p.result(http.MethodPost, StableTokenPath,
		marshal(map[string]any{"grant_type": "client_credential", "appid": appID, "secret": secret}))
}

func (p platform) send(token string, m any) result {
	p.t.Helper()
	return p.result(http.MethodPost, SendPath+"?access_token="+token, marshal(m))
}

func newPlatform(t *testing.T) platform {
	return platform{NewPlatform(Options{GrantAll: true}, map[string]string{"wxb": "secretb"}), t}
}

func TestPlatform(t *testing.T) {
	p := newPlatform(t)
	a, b := p.token(DefaultAppID, DefaultSecret).Token, p.token("wxb", "secretb").Token
	for _, tt := range []struct {
		appID, secret string
		want          int
	}{
		{"wxb", DefaultSecret, 40125}, {DefaultAppID, "secretb", 40125}, {"wxc", "secretb", 40013}, {"", "x", 41002},
	} {
		if got := p.token(tt.appID, tt.secret).ErrCode; got != tt.want {
			t.Errorf("token of %q: %d, want %d", tt.appID, got, tt.want)
		}
	}
	classic := p.result(http.MethodGet, TokenPath+"?grant_type=client_credential&appid=wxb&secret=secretb", "")
	if classic.Token == "" {
		t.Errorf("no token of the classic kind: %+v", classic)
	}
	id(t, p.send(a, order()))
	id(t, p.send(b, order()))
	id(t, p.send(b, with(order(), "touser", boris)))
	if got := p.send("nobodys", order()).ErrCode; got != 40014 {
		t.Errorf("a token of nobody's: %d", got)
	}
	if got := len(p.Account("wxb").Sent()); got != 2 || p.Account("wxc") != nil {
		t.Errorf("%d messages went through wxb", got)
	}

	byAccount, msgIDs := map[string]int{}, map[int64]bool{}
	_, lines := p.call("GET", "/_fake/sent", "")
	for all := bufio.NewScanner(strings.NewReader(lines)); all.Scan(); {
		var sent Sent
		if err := json.Unmarshal(all.Bytes(), &sent); err != nil {
			t.Fatal(err)
		}
		byAccount[sent.AppID]++
		msgIDs[sent.MsgID] = true
	}
	if len(msgIDs) != 3 {
		t.Errorf("a msgid stands twice among %v", msgIDs)
	}
	if byAccount[DefaultAppID] != 1 || byAccount["wxb"] != 2 || len(byAccount) != 2 {
		t.Errorf("sent %v", byAccount)
	}
}

// What is commanded of one account touches no other; what names none is commanded of all.
func TestPlatformControl(t *testing.T) {
	p := newPlatform(t)
	a, b := p.token(DefaultAppID, DefaultSecret).Token, p.token("wxb", "secretb").Token
	command := func(want int, call, body string) string {
		t.Helper()
		method, target, _ := strings.Cut(call, " ")
		code, text := p.call(method, target, body)
		if code != want {
			t.Errorf("%s: HTTP %d %s, want %d", call, code, text, want)
		}
		return text
	}
	codes := func(name string, wantA, wantB int) {
		t.Helper()
		if gotA, gotB := p.send(a, order()).ErrCode, p.send(b, order()).ErrCode; gotA != wantA || gotB != wantB {
			t.Errorf("%s: %d and %d, want %d and %d", name, gotA, gotB, wantA, wantB)
		}
	}
	command(200, "POST /_fake/faults?appid=wxb", `{"kind":"errcode","errcode":45009}`)
	codes("a fault of one", 0, 45009)
	if got := command(200, "POST /_fake/faults", `{"kind":"errcode","errcode":45009}`); got != "{}" {
		t.Errorf("a command of all is answered %q", got)
	}
	codes("a fault of all", 45009, 45009)
	codes("no fault", 0, 0)
	command(200, "POST /_fake/quota?appid=wxb", `{"daily":0,"minute":0}`)
	codes("a quota of one", 0, 45009)
	command(200, "POST /_fake/tokens?appid="+DefaultAppID, `{"revoke":true}`)
	codes("revoked tokens of one", 40001, 45009)
	if got := command(400, "POST /_fake/faults", `{"kind":"flood"}`); strings.Count(got, "kind must be") != 1 {
		t.Errorf("a mistake is told so: %s", got)
	}
	command(400, "POST /_fake/faults?appid=wxc", `{"kind":"html"}`)
	command(400, "GET /_fake/stats", "")
	if got := command(200, "GET /_fake/stats?appid=wxb", ""); !strings.Contains(got, `"accepted":1,`) {
		t.Errorf("the counts of one: %s", got)
	}
}
