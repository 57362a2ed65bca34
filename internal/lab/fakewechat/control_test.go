package fakewechat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ask makes one call of the control API.
func (f *fake) ask(call, body string) (int, string) {
	method, target, _ := strings.Cut(call, " ")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestControl(t *testing.T) {
	f := newFake(t, Options{})
	for _, tt := range []struct{ call, body, want string }{
		{"POST /_fake/grants", fmt.Sprintf(`{"openid":%q,"templateId":%q,"count":2}`, anna, orderID), `{"count":2}`},
		{"POST /_fake/grants", `{"openid":"*","templateId":"*","count":-1}`, `{"count":-1}`},
		{"GET /_fake/grants?openid=" + anna + "&templateId=" + orderID, "", `{"count":2}`},
		{"POST /_fake/faults", `{"kind":"errcode","errcode":45168,"openid":"` + anna + `","count":1,"delay":"1ms"}`, `{}`},
		{"POST /_fake/quota", `{"daily":100,"minute":-1}`, `{}`},
		{"POST /_fake/tokens", `{"revoke":true}`, `{}`},
	} {
		if code, got := f.ask(tt.call, tt.body); code != http.StatusOK || got != tt.want {
			t.Errorf("%s %s: %d %s, want %s", tt.call, tt.body, code, got, tt.want)
		}
	}
	if r := f.send(order()); r.ErrCode != 45168 {
		t.Errorf("the fault did not strike: %+v", r)
	}
	if q := f.quotaOf(SendPath); q.Quota.Daily != 100 {
		t.Errorf("the quota is %+v", q)
	}
	if code, body := f.ask("POST /_fake/faults", `{"kind":"html","count":-1}`); code != http.StatusOK {
		t.Fatal(body)
	}
	if code, body := f.ask("DELETE /_fake/faults", ""); code != http.StatusOK {
		t.Fatal(body)
	}
	id(t, f.send(order()))
}

func TestSentLines(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	ann := f.send(order())
	f.send(with(order(), "touser", boris))
	_, all := f.ask("GET /_fake/sent", "")
	_, annas := f.ask("GET /_fake/sent?openid="+anna, "")

	want := fmt.Sprintf(`{"time":"2026-03-15T04:00:00Z","msgid":%s,"appid":"wxfake0000000000","openid":%q,"templateId":%q,`+
		`"page":"pages/APITest/APITest","miniprogramState":"developer","lang":"zh_CN",`+
		`"data":{"amount3":"19.9元","thing11":"已发货","thing2":"生椰拿铁","thing5":"预计明日送达"}}`+"\n",
		ann.MsgID, anna, orderID)
	if d := cmp.Diff(want, annas); d != "" {
		t.Error(d)
	}
	var got []Sent
	for lines := bufio.NewScanner(strings.NewReader(all)); lines.Scan(); {
		var sent Sent
		if err := json.Unmarshal(lines.Bytes(), &sent); err != nil {
			t.Fatal(err)
		}
		got = append(got, sent)
	}
	if d := cmp.Diff(f.Sent(), got); d != "" || len(got) != 2 {
		t.Errorf("%d lines, %s", len(got), d)
	}
}

func TestStatsOverHTTP(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	f.send(order())
	f.send(with(order(), "page", ":"))
	f.classic()
	f.stable(true)
	_, got := f.ask("GET /_fake/stats", "")
	want := `{"calls":2,"accepted":1,"errCodes":{"0":1,"41030":1},"maxParallel":1,` +
		`"tokens":{"classic":1,"stable":3,"forced":1},"faults":{}}`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestControlRefuses(t *testing.T) {
	f := newFake(t, Options{})
	for _, tt := range []struct {
		call, body string
		want       int
		text       string
	}{
		{"POST /_fake/grants", `{"openid":"*","templateId":"*"}`, 400, "count is missing"},
		{"POST /_fake/grants", `{"openid":"*","templateId":"*","count":1,"extra":1}`, 400, "extra"},
		{"POST /_fake/grants", `{"openid":"*","templateId":"*","count":1}{}`, 400, "goes on after"},
		{"POST /_fake/grants", `{"openid":"*","templateId":"typo","count":1}`, 400, "typo"},
		{"POST /_fake/grants", `{"openid":"*","templateId":"*","count":1.5}`, 400, "count"},
		{"POST /_fake/grants", strings.Repeat(" ", maxBody) + "{}", 400, "EOF"},
		{"POST /_fake/faults", `{"kind":"flood"}`, 400, "drop_after"},
		{"POST /_fake/faults", `{"kind":"html","delay":"soon"}`, 400, "250ms"},
		{"POST /_fake/tokens", `{}`, 400, "revoke or expire"},
		{"POST /_fake/quota", `{"daily":1}`, 400, "both"},
		{"POST /_fake/quota", `{"path":"/x","daily":1,"minute":1}`, 400, "/x"},
		{"POST /_fake/quota", `{"daily":-2,"minute":1}`, 400, "-2"},
		{"GET /_fake/faults", ``, 404, "not part of the control API"},
		{"POST /_fake/sent", ``, 404, "not part of the control API"},
		{"GET /_fake/", ``, 404, "not part of the control API"},
	} {
		if code, got := f.ask(tt.call, tt.body); code != tt.want || !strings.Contains(got, tt.text) {
			t.Errorf("%s %.60s: %d %s, want %d …%s…", tt.call, tt.body, code, got, tt.want, tt.text)
		}
	}
}
