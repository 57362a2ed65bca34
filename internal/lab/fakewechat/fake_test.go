package fakewechat

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/templates"
)

const (
	anna  = "oABCD5EFgh1JKlmnOPqrStuVwxYz"
	boris = "oBORIS_-0000000000000000000b"

	orderID = "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc"
	vipID   = "AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw"
	longID  = "LongKeys0000000000000000000000000000000000a"
)

// longKeys has the keys whose 47003 was seen in the wild, and an enum.
const longKeys = `
id: LongKeys0000000000000000000000000000000000a
name: longKeys
title: long keys
params: [a, b, c, d, e]
data:
  character_string1: "{a}"
  car_number12: "{b}"
  character_string10: "{c}"
  number4: "{d}"
  enum_string2: {value: "{e}", values: [新, 旧]}
`

// order is a good message to anna; edit it by key.
func order() map[string]any {
	return map[string]any{
		"touser": anna, "template_id": orderID, "page": "pages/APITest/APITest",
		"miniprogram_state": "developer", "lang": "zh_CN",
		"data": items("thing2", "生椰拿铁", "amount3", "19.9元", "thing11", "已发货", "thing5", "预计明日送达"),
	}
}

// items is a data object of keys and values in turn.
func items(kv ...any) map[string]any {
	data := map[string]any{}
	for i := 0; i < len(kv); i += 2 {
		data[kv[i].(string)] = map[string]any{"value": kv[i+1]}
	}
	return data
}

// with is m with the given keys and values put in; nil takes a key out.
func with(m map[string]any, kv ...any) map[string]any {
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == nil {
			delete(m, kv[i].(string))
			continue
		}
		m[kv[i].(string)] = kv[i+1]
	}
	return m
}

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// noon is noon in Beijing, in the middle of a month.
var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, beijing)

// fake is a server, talked to without a network.
type fake struct {
	*Server
	t     testing.TB
	clock *clock
}

func newFake(t testing.TB, o Options) *fake {
	t.Helper()
	files := fstest.MapFS{"longKeys.yaml": {Data: []byte(longKeys)}}
	for _, t := range fields.Shipped().All() {
		files[t.Name+".yaml"] = &fstest.MapFile{Data: shipped(t)}
	}
	catalogue, err := fields.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	o.Templates = func() *templates.Catalogue { return catalogue }
	c := &clock{t: noon}
	if o.Now == nil {
		o.Now = c.now
	}
	return &fake{New(o), t, c}
}

// shipped writes a shipped template as a file again, as far as the fake looks at it.
func shipped(t *templates.Template) []byte {
	var b strings.Builder
	b.WriteString("id: " + t.ID + "\nname: " + t.Name + "\ntitle: t\nparams: [" + strings.Join(t.Params, ", ") +
		"]\ndata:\n")
	for _, f := range t.Fields {
		b.WriteString("  " + f.Key + ": \"" + f.Value + "\"\n")
	}
	return []byte(b.String())
}

// result is any answer of WeChat's.
type result struct {
	ErrCode   int         `json:"errcode"`
	ErrMsg    string      `json:"errmsg"`
	MsgID     json.Number `json:"msgid"`
	Token     string      `json:"access_token"`
	ExpiresIn int         `json:"expires_in"`
	Quota     struct {
		Daily  int `json:"daily_limit"`
		Used   int `json:"used"`
		Remain int `json:"remain"`
	} `json:"quota"`
	Rate struct {
		Calls   int `json:"call_count"`
		Seconds int `json:"refresh_second"`
	} `json:"rate_limit"`
}

// call makes one call of WeChat's API, whose answer must be an HTTP 200 with one JSON object.
func (f *fake) call(method, target, body string) result {
	f.t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	var r result
	if err := json.Unmarshal(w.Body.Bytes(), &r); w.Code != http.StatusOK || err != nil {
		f.t.Fatalf("%s %.60s: HTTP %d %s", method, target, w.Code, w.Body)
	}
	return r
}

func (f *fake) stable(force bool) result {
	f.t.Helper()
	return f.call(http.MethodPost, StableTokenPath, marshal(map[string]any{
		"grant_type": "client_credential", "appid": DefaultAppID, "secret": DefaultSecret, "force_refresh": force}))
}

func (f *fake) classic() result {
	f.t.Helper()
	return f.call(http.MethodGet,
		TokenPath+"?grant_type=client_credential&appid="+DefaultAppID+"&secret="+DefaultSecret, "")
}

// send posts a message with a good token.
func (f *fake) send(m any) result {
	f.t.Helper()
	return f.sendRaw(marshal(m))
}

func (f *fake) sendRaw(body string) result {
	f.t.Helper()
	return f.call(http.MethodPost, SendPath+"?access_token="+f.stable(false).Token, body)
}

func (f *fake) grant(openid, templateID string, n int) {
	f.t.Helper()
	if err := f.Grant(openid, templateID, n); err != nil {
		f.t.Fatal(err)
	}
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a test's own making
	}
	return string(b)
}

// live serves the fake on a real connection.
func (f *fake) live() *httptest.Server {
	hs := httptest.NewServer(f)
	f.t.Cleanup(hs.Close)
	return hs
}

// post is a send over a real connection, by a client that keeps no connection alive.
func post(hs *httptest.Server, token string, m any) (*http.Response, []byte, error) {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Post(hs.URL+SendPath+"?access_token="+token, "application/json", strings.NewReader(marshal(m)))
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, body, err
}
