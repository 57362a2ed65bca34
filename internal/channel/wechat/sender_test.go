package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/rawserver"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// smallWeChat is a WeChat with two endpoints: it gives tokens, and takes messages that come with the current one.
type smallWeChat struct {
	*httptest.Server
	mu       sync.Mutex
	serial   int  // of the current token
	stubborn bool // rejects every token
	fresh    bool // gives a new token each time
	asked    int  // refreshes
	sent     []string
	reject   string // the answer to a wrong token
}

func openSmallWeChat(t *testing.T) *smallWeChat {
	wx := &smallWeChat{reject: `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest"}`}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cgi-bin/stable_token", wx.giveToken)
	mux.HandleFunc("POST /cgi-bin/message/subscribe/send", wx.take)
	wx.Server = httptest.NewServer(mux)
	t.Cleanup(wx.Close)
	return wx
}

func (wx *smallWeChat) token() string { return fmt.Sprintf("%s%d", canaryToken, wx.serial) }

func (wx *smallWeChat) giveToken(w http.ResponseWriter, r *http.Request) {
	wx.mu.Lock()
	defer wx.mu.Unlock()
	wx.asked++
	if wx.fresh {
		wx.serial++
	}
	var got, want any
	_ = json.NewDecoder(r.Body).Decode(&got)
	want = map[string]any{"grant_type": "client_credential", "appid": "wx0000000000000000", "secret": canarySecret,
		"force_refresh": false}
	if !cmp.Equal(got, want) {
		http.Error(w, cmp.Diff(got, want), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, wx.token())
}

func (wx *smallWeChat) take(w http.ResponseWriter, r *http.Request) {
	wx.mu.Lock()
	defer wx.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if wx.stubborn || r.URL.Query().Get("access_token") != wx.token() {
		_, _ = io.WriteString(w, wx.reject)
		return
	}
	wx.sent = append(wx.sent, string(body))
	fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","msgid":%d}`, 1988810812324364291+len(wx.sent))
}

func (wx *smallWeChat) revoke() {
	wx.mu.Lock()
	defer wx.mu.Unlock()
	wx.serial++
}

func (wx *smallWeChat) counts() (asked, sent int) {
	wx.mu.Lock()
	defer wx.mu.Unlock()
	return wx.asked, len(wx.sent)
}

func TestSend(t *testing.T) {
	wx := openSmallWeChat(t)
	s := newSender(t, wx.URL+"/")
	if v := s.Ready(t.Context()); v.Outcome != outbox.Accepted {
		t.Fatal(v)
	}
	v := s.Send(t.Context(), claim())
	if v.Outcome != outbox.Accepted || v.MsgID != 1988810812324364292 || *v.Code != 0 {
		t.Errorf("%+v", v)
	}
	want := `{"touser":"` + canaryOpenID + `","template_id":"` + orderID + `","page":"pages/APITest/APITest","data":{` +
		`"thing2":{"value":"生椰拿铁"},"amount3":{"value":"19.9元"},"thing11":{"value":"已发货"},` +
		`"thing5":{"value":"预计明日送达"}},` +
		`"miniprogram_state":"developer","lang":"zh_CN"}`
	if diff := cmp.Diff([]string{want}, wx.sent); diff != "" {
		t.Error(diff)
	}
}

func TestSendWithoutPage(t *testing.T) {
	wx := openSmallWeChat(t)
	if v := newSender(t, wx.URL).Send(t.Context(), claimAgain(1)); v.Outcome != outbox.Accepted {
		t.Fatal(v)
	}
	if strings.Contains(wx.sent[0], "page") {
		t.Error(wx.sent[0])
	}
}

func TestNothingGoesOut(t *testing.T) {
	wx := openSmallWeChat(t)
	s := newSender(t, wx.URL)
	unknown, bad, short, scheme := claim(), claim(), claim(), claim()
	unknown.TemplateID = "ordreStatus"
	bad.Params = []string{"生椰拿铁", "很多", "已发货", "好"}
	short.Params = []string{"生椰拿铁"}
	scheme.Page = "https://evil.example/"
	for _, tt := range []struct {
		c    outbox.Claimed
		says []string
	}{
		{unknown, []string{"ordreStatus", "again、orderStatus"}},
		{bad, []string{"goodsPrice", "amount3"}},
		{short, []string{"goodsPrice"}},
		{scheme, []string{"page"}},
	} {
		v := s.Send(t.Context(), tt.c)
		if v.Outcome != outbox.Refused || v.Code != nil || v.Stops != nil {
			t.Errorf("%+v, want refused", v)
		}
		for _, word := range tt.says {
			if !strings.Contains(v.Text, word) {
				t.Errorf("%q does not say %s", v.Text, word)
			}
		}
	}
	if asked, sent := wx.counts(); asked+sent != 0 {
		t.Errorf("asked %d, sent %d", asked, sent)
	}
}

func TestRevokedTokenIsHealedByOneRefresh(t *testing.T) {
	wx := openSmallWeChat(t)
	s := newSender(t, wx.URL)
	for round := 1; round <= 5; round++ {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Accepted {
					t.Errorf("%v (%s)", v.Outcome, v.Text)
				}
			})
		}
		all.Wait()
		if asked, sent := wx.counts(); asked != round || sent != 50*round {
			t.Errorf("round %d: %d refreshes, %d sent", round, asked, sent)
		}
		wx.revoke()
	}
}

func TestEveryTokenErrorIsHealed(t *testing.T) {
	for code := range explain.WeChat {
		if !weixin.RejectsToken(code) {
			continue
		}
		wx := openSmallWeChat(t)
		wx.reject = fmt.Sprintf(`{"errcode":%d,"errmsg":"no"}`, code)
		s := newSender(t, wx.URL)
		s.Ready(t.Context())
		wx.revoke()
		if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Accepted {
			t.Errorf("%d: %v (%s)", code, v.Outcome, v.Text)
		}
	}
}

// The endpoint gives the rejected token again: 50 sends at once must not make it 50 refreshes.
func TestHopelessTokenStopsTheAccount(t *testing.T) {
	wx := openSmallWeChat(t)
	wx.stubborn = true
	s := newSender(t, wx.URL)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			v := s.Send(t.Context(), claim())
			if v.Outcome != outbox.Halt || !cmp.Equal(v.Stops, []string{outbox.WholeAccount}) || v.Text == "" {
				t.Errorf("%+v", v)
			}
		})
	}
	all.Wait()
	if asked, _ := wx.counts(); asked != 2 {
		t.Errorf("asked %d times for a token, want 2", asked)
	}
}

// Each token is new and rejected: two tries, and then none for a while.
func TestHopelessNewTokensStopTheAccount(t *testing.T) {
	wx := openSmallWeChat(t)
	wx.stubborn, wx.fresh = true, true
	s := newSender(t, wx.URL)
	for range 5 {
		v := s.Send(t.Context(), claim())
		if v.Outcome != outbox.Halt || !cmp.Equal(v.Stops, []string{outbox.WholeAccount}) || v.Text == "" {
			t.Errorf("%+v", v)
		}
	}
	if asked, _ := wx.counts(); asked != 2 {
		t.Errorf("asked %d times for a token, want 2", asked)
	}
}

func TestNoTokenCostsNoAttempt(t *testing.T) {
	for name, answer := range map[string]string{
		"down":         "",
		"wrong secret": `{"errcode":40125,"errmsg":"invalid appsecret"}`,
		"busy":         `{"errcode":-1,"errmsg":"system error"}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if answer == "" {
					panic(http.ErrAbortHandler)
				}
				_, _ = io.WriteString(w, answer)
			}))
			defer server.Close()
			s := newSender(t, server.URL)
			if v := s.Ready(t.Context()); v.Outcome == outbox.Accepted || v.Outcome == outbox.Unknown || v.Text == "" {
				t.Errorf("ready: %+v", v)
			}
			if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Halt ||
				!cmp.Equal(v.Stops, []string{outbox.WholeAccount}) {
				t.Errorf("%+v, want halt", v)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	wx := openSmallWeChat(t)
	for code := 300; code < 309; code++ {
		var hits int
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hits++
			http.Redirect(w, r, wx.URL+r.URL.RequestURI(), code)
		}))
		s := holding(t, newSender(t, server.URL), wx.token())
		v := s.Send(t.Context(), claim())
		server.Close()
		if v.Outcome == outbox.Accepted || v.Outcome == outbox.Refused || hits != 1 ||
			!strings.Contains(v.Text, fmt.Sprint(code)) {
			t.Errorf("%d: %v (%s), %d requests", code, v.Outcome, v.Text, hits)
		}
	}
	if asked, sent := wx.counts(); asked+sent != 0 {
		t.Errorf("asked %d, sent %d", asked, sent)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	canaries := []string{canarySecret, url.QueryEscape(canarySecret), canaryToken, url.QueryEscape(canaryToken),
		canaryOpenID}
	var log record
	var texts []string
	// Each server repeats all that it was told.
	for _, answer := range []func(w http.ResponseWriter, told string){
		func(w http.ResponseWriter, told string) { fmt.Fprintf(w, `{"errcode":47003,"errmsg":%q}`, told) },
		func(w http.ResponseWriter, told string) { fmt.Fprintf(w, `{"errcode":40001,"errmsg":%q}`, told) },
		func(w http.ResponseWriter, told string) { fmt.Fprintf(w, `{"errcode":0,"errmsg":%q}`, told) },
		func(w http.ResponseWriter, told string) { fmt.Fprintf(w, `{%q:1,%q:2}`, told, told) },
		func(w http.ResponseWriter, told string) { http.Error(w, told, http.StatusBadGateway) },
		func(w http.ResponseWriter, told string) {
			w.Header().Set("Location", told)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		func(w http.ResponseWriter, told string) {
			c, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(c, told+"\r\n\r\n")
			_ = c.Close()
		},
		func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/cgi-bin/stable_token" { // it was told the secret only
				answer(w, canaries[0]+" "+canaries[1])
				return
			}
			answer(w, strings.Join(canaries, " "))
		}))
		withLog := func(c *Config) { c.Log = logTo(&log) }
		s := newSender(t, server.URL, withLog)
		texts = append(texts, s.Ready(t.Context()).Text, fmt.Sprintf("%v %+v %#v", s, s, s))
		holding(t, s, canaryToken)
		texts = append(texts, s.Send(t.Context(), claim()).Text, s.Send(t.Context(), claimAgain(2)).Text)
		server.Close()
		holding(t, s, canaryToken)
		texts = append(texts, s.Send(t.Context(), claim()).Text)
	}
	texts = append(texts, log.String())
	for _, text := range texts {
		for _, canary := range canaries {
			if strings.Contains(text, canary) || strings.Contains(text, canary[:12]) {
				t.Errorf("%q is in %.300q", canary, text)
			}
		}
	}
	if !strings.Contains(log.String(), "msg=sent") {
		t.Error("the log of the sends was not looked at")
	}
}

func TestSecretPrintsMasked(t *testing.T) {
	cfg := Config{AppID: "wx", Secret: canarySecret}
	j, err := json.Marshal(struct{ Secret Secret }{cfg.Secret})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %s", cfg, cfg, cfg, cfg.Secret, cfg.Secret, cfg.Secret, cfg.Secret,
		&cfg, j) +
		cfg.Secret.String() + cfg.Secret.GoString()
	if strings.Contains(out, "canary") || strings.Contains(out, fmt.Sprintf("%x", "canary")) ||
		!strings.Contains(out, `{"Secret":"***"}`) {
		t.Error(out)
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{AppID: "wx1", Secret: canarySecret, Log: logTo(io.Discard),
		Templates: func() *templates.Catalogue { return nil }}
	for name, spoil := range map[string]func(*Config){
		"empty appid":      func(c *Config) { c.AppID = "" },
		"empty secret":     func(c *Config) { c.Secret = "" },
		"secret with line": func(c *Config) { c.Secret = canarySecret + "\n" },
		"appid with blank": func(c *Config) { c.AppID = " wx1" },
		"relative URL":     func(c *Config) { c.BaseURL = "api.weixin.qq.com" },
		"no host":          func(c *Config) { c.BaseURL = "https://" },
		"no host, port":    func(c *Config) { c.BaseURL = "https://:443" },
		"other scheme":     func(c *Config) { c.BaseURL = "ftp://api.weixin.qq.com" },
		"query":            func(c *Config) { c.BaseURL = "https://api.weixin.qq.com?a=" + canarySecret },
		"fragment":         func(c *Config) { c.BaseURL = "https://api.weixin.qq.com#" + canarySecret },
		"user":             func(c *Config) { c.BaseURL = "https://u:" + "pw" + "@api.weixin.qq.com" },
		"broken URL":       func(c *Config) { c.BaseURL = "https://u:pw%zz@api" },
		"negative timeout": func(c *Config) { c.Timeout = -1 },
		"no templates":     func(c *Config) { c.Templates = nil },
		"no log":           func(c *Config) { c.Log = nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			spoil(&cfg)
			if s, err := New(cfg); err == nil {
				s.Close()
				t.Error("no error")
			} else if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "pw") {
				t.Errorf("it repeats a secret: %v", err)
			}
		})
	}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestSendKeepsToItsDeadline(t *testing.T) {
	s := newSender(t, "http://"+rawserver.Listen(t, rawserver.Silence))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if v := s.Send(ctx, claim()); v.Outcome != outbox.Later || v.Kind != string(explain.KindTokenLate) {
		t.Errorf("waiting for a token: %+v", v)
	}
}

func TestSendKeepsToItsContext(t *testing.T) {
	arrived := make(chan struct{}, 1)
	addr := rawserver.Listen(t, func(c net.Conn) { arrived <- struct{}{}; rawserver.Silence(c) })
	s := newSender(t, "http://"+addr)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if v := s.Send(ctx, claim()); v.Outcome != outbox.Later || v.Stops != nil {
		t.Errorf("waiting for a token: %+v", v)
	}
}
