package wechat

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/internal/lab/rawserver"
	"github.com/submsg/submsg/templates"
)

// pageExample is the answer of WeChat's page on gettemplate, shortened.
const pageExample = `{"errcode":0,"errmsg":"ok","data":[
{"priTmplId":"9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU","title":"报名结果通知","content":"会议时间:{{date2.DATA}}\n会议地点:{{thing1.DATA}}\n","example":"会议时间:2016年8月8日\n会议地点:TIT会议室\n","type":2},
{"priTmplId":"cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME","title":"洗衣机故障提醒","content":"完成时间:{{time1.DATA}}\n所在位置:{{enum_string2.DATA}}\n","example":"完成时间:2021年10月21日 12:00:00\n所在位置:客厅\n",
"keywordEnumValueList":[{"enumValueList":["客厅","餐厅"],"keywordCode":"enum_string2.DATA"}],"type":3}]}`

var exampleList = []templates.Listed{
	{ID: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Title: "报名结果通知", Keys: []templates.ListedKey{
		{Key: "date2", Label: "会议时间", Example: "2016年8月8日"},
		{Key: "thing1", Label: "会议地点", Example: "TIT会议室"},
	}},
	{ID: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME", Title: "洗衣机故障提醒", LongTerm: true, Keys: []templates.ListedKey{
		{Key: "time1", Label: "完成时间", Example: "2021年10月21日 12:00:00"},
		{Key: "enum_string2", Label: "所在位置", Example: "客厅", Values: []string{"客厅", "餐厅"}},
	}},
}

func TestListTemplates(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         []templates.Listed
		err          string
	}{
		{"as documented", rawserver.OK(pageExample), exampleList, ""},
		{"none", rawserver.OK(`{"errcode":0,"errmsg":"ok","data":[]}`), nil, ""},
		{"longer than any other answer", rawserver.OK(`{"errcode":0,"data":[],"filler":"` + strings.Repeat("x", 2*wire.MaxAnswer) + `"}`), nil, ""},
		{"an errcode", rawserver.OK(`{"errcode":45009,"errmsg":"reach max api daily quota limit rid: 00-11"}`), nil, "WeChat gave no list of templates: 45009 reach max api daily quota limit rid: 00-11"},
		{"no data", rawserver.OK(`{"errcode":0,"errmsg":"ok"}`), nil, "WeChat gave no list of templates: the answer has no readable data"},
		{"data of another kind", rawserver.OK(`{"errcode":0,"data":{"priTmplId":5}}`), nil, "WeChat gave no list of templates: the answer has no readable data"},
		{"no errcode", rawserver.OK(`{"data":[]}`), nil, "WeChat gave no list of templates: the answer has no integer errcode"},
		{"cut off", rawserver.OK(pageExample[:300]), nil, "WeChat gave no list of templates: the answer is not one whole JSON object"},
		{"HTML", rawserver.OK("<html>"), nil, "WeChat gave no list of templates: the answer is not one whole JSON object"},
		{"502", rawserver.Status("502 Bad Gateway", "<html>"), nil, "WeChat gave no list of templates: HTTP 502"},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", nil, "WeChat gave no list of templates: HTTP 302"},
		{"the secrets in it", rawserver.OK(`{"errcode":5,"errmsg":"` + canaryToken + " " + canarySecret + `"}`), nil, "WeChat gave no list of templates: 5 *** ***"},
		{"without end", "HTTP/1.1 200 OK\r\n\r\n{" + strings.Repeat(" ", maxList+1), nil, "WeChat gave no list of templates: the answer is longer than any real one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := rawserver.Listen(t, func(c net.Conn) {
				if rawserver.Read(c) == nil {
					rawserver.Answer(tt.answer)(c)
				}
			})
			s := holding(t, newSender(t, "http://"+addr), canaryToken)
			got, err := s.ListTemplates(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.err, fmt.Sprint(err)); diff != "" && (tt.err != "" || err != nil) {
				t.Error(diff)
			}
		})
	}
}

func TestListTemplatesCutConnections(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(net.Conn)
		err   string
	}{
		{"closed", func(net.Conn) {}, "WeChat gave no list of templates: EOF"},
		{"silent", rawserver.Silence, "WeChat gave no list of templates: timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := rawserver.Listen(t, func(c net.Conn) {
				if rawserver.Read(c) == nil {
					tt.serve(c)
				}
			})
			s := holding(t, newSender(t, "http://"+addr, timeout(300*time.Millisecond)), canaryToken)
			if _, err := s.ListTemplates(t.Context()); err == nil || err.Error() != tt.err {
				t.Errorf("%v, want %s", err, tt.err)
			}
		})
	}
}

// The fake's list says of the catalogue what a file says, and a token that died on the way is replaced once.
func TestFakeLists(t *testing.T) {
	f := openFake(t)
	for _, token := range []string{"new", "revoked", "expired"} {
		switch token {
		case "revoked":
			f.post("tokens", `{"revoke":true}`)
		case "expired":
			f.post("tokens", `{"expire":true}`)
		}
		list, err := f.sender.ListTemplates(t.Context())
		if err != nil {
			t.Fatalf("%s token: %v", token, err)
		}
		for _, l := range list {
			template, found := catalogue(t).Find(l.ID)
			if !found || template.Title != l.Title || len(l.Keys) != len(template.Fields) {
				t.Errorf("%+v", l)
				continue
			}
			for i, k := range l.Keys {
				if k.Key != template.Fields[i].Key || k.Label != template.Params[i] || k.Example == "" {
					t.Errorf("%s: %+v", l.Title, k)
				}
			}
		}
		if len(list) != 2 {
			t.Errorf("%d templates", len(list))
		}
	}
	f.post("tokens", `{"revoke":true,"sticky":true}`)
	before := f.stats().Tokens.Stable
	if _, err := f.sender.ListTemplates(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "no access token: ") {
		t.Errorf("a dead token handed out again: %v", err)
	}
	if asked := f.stats().Tokens.Stable - before; asked != 1 {
		t.Errorf("asked for %d tokens, want 1", asked)
	}
}

// A WeChat that rejects whatever token it gave is asked twice, not for ever.
func TestListTemplatesRejectsEveryToken(t *testing.T) {
	var lists, tokens atomic.Int32
	addr := rawserver.Listen(t, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		answer := `{"errcode":40001,"errmsg":"invalid credential"}`
		if req.Method == http.MethodPost {
			answer = fmt.Sprintf(`{"access_token":"token-%d","expires_in":7200}`, tokens.Add(1))
		} else {
			lists.Add(1)
		}
		rawserver.Answer(strings.Replace(rawserver.OK(answer), "Content-Length", "Connection: close\r\nContent-Length",
			1))(c)
	})
	_, err := newSender(t, "http://"+addr).ListTemplates(t.Context())
	if want := "WeChat gave no list of templates: 40001 invalid credential"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if lists.Load() != 2 || tokens.Load() != 2 {
		t.Errorf("asked for %d lists and %d tokens, want 2 of each", lists.Load(), tokens.Load())
	}
}

func TestListTemplatesWithoutToken(t *testing.T) {
	f := openFake(t, func(c *Config) { c.Secret = "another-secret" })
	_, err := f.sender.ListTemplates(t.Context())
	if err == nil || !strings.Contains(err.Error(), "AppSecret 不正确") ||
		strings.Contains(err.Error(), "another-secret") {
		t.Errorf("%v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openFake(t).sender.ListTemplates(over); err == nil {
		t.Error("a list after the end")
	}
}

func TestParseContent(t *testing.T) {
	key := func(key, label string) templates.ListedKey { return templates.ListedKey{Key: key, Label: label} }
	for content, want := range map[string][]templates.ListedKey{
		"姓名01:{{thing1.DATA}}\n金额:{{amount2.DATA}}\n": {key("thing1", "姓名01"), key("amount2", "金额")},
		"姓名：{{name1.DATA}}\r\n时间 : {{ time2.DATA }}":  {key("name1", "姓名"), key("time2", "时间")},
		"比例(1:2):{{thing1.DATA}}":                     {key("thing1", "比例(1:2)")},
		"{{thing1.DATA}}":                             {key("thing1", "")},
		"甲:{{thing1.DATA}} 乙:{{thing2.DATA}}":         {key("thing1", "甲"), key("thing2", "乙")},
		"说明\n\n甲:{{thing1.DATA}}":                     {key("thing1", "甲")},
		"甲:{{thing1}}\n乙:{{thing2.DATA":               {key("thing1", "甲"), key("thing2", "乙")},
		"":                                            nil,
		"没有":                                          nil,
	} {
		if diff := cmp.Diff(want, parseContent(content)); diff != "" {
			t.Errorf("%q: %s", content, diff)
		}
	}
}

func FuzzParseContent(f *testing.F) {
	for _, s := range []string{"姓名01:{{thing1.DATA}}\n金额:{{amount2.DATA}}\n", "甲:{{thing1.DATA}} 乙:{{thing2.DATA}}",
		"{{", "}}{{", "{{{{x}}}}", "\x00:{{\xff.DATA}}", "{{.DATA}}"} {
		f.Add(s, s, "甲", "thing1")
	}
	f.Fuzz(func(t *testing.T, content, example, label, key string) {
		keys := parseContent(content)
		if most := strings.Count(content, "{{"); len(keys) > most || most > 0 && len(keys) == 0 {
			t.Errorf("%d keys of %q", len(keys), content)
		}
		for _, k := range keys {
			said := k.Key + k.Label + exampleOf(example, k.Label)
			if !utf8.ValidString(said) || strings.ContainsFunc(said, unicode.IsControl) {
				t.Errorf("%q of %q", k, content)
			}
		}
		if strings.ContainsAny(label+key, "{}\n") || key != weixin.Clean(key) ||
			label != strings.TrimRight(weixin.Clean(label), ":： ") {
			return
		}
		// Whatever stands before, a line of WeChat's form is read as it is meant.
		keys = parseContent(content + "\n" + label + ":{{" + key + ".DATA}}\n")
		if last := keys[len(keys)-1]; last.Key != key || last.Label != label {
			t.Errorf("%q of %q and %q", last, label, key)
		}
	})
}
