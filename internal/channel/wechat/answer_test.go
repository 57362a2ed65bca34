package wechat

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/outbox"
)

func TestUnreadableAnswersAreDoubts(t *testing.T) {
	for _, body := range []string{
		``, ` `, `null`, `0`, `"ok"`, `[]`, `[{"errcode":0}]`, `{}`, `{"errmsg":"ok"}`, `{"errcode":null}`,
		`{"errcode":"0"}`,
		`{"errcode":false}`, `{"errcode":0.0}`, `{"errcode":0e0}`, `{"errcode":[0]}`, `{"errcode":{}}`,
		`{"errcode":4294967296}`,
		`{"ErrCode":0}`, `{"ERRCODE":0}`, `{"errcode":0`, `{"errcode":0,`, `{"errcode":0,}`, `{"errcode":0}}`,
		`{"errcode":0}{"errcode":0}`,
		`{"errcode":0} ok`, `{"errcode":40001,"errcode":0}`, `{"errcode":00}`, "\ufeff" + `{"errcode":0}`,
		`{'errcode':0}`, `{errcode:0}`,
		`<xml><errcode>0</errcode></xml>`, strings.Repeat(`{"errcode":`, 20000), strings.Repeat(`[`, 60000),
	} {
		if got, err := weixin.ParseAnswer([]byte(body)); err == nil {
			t.Errorf("%.60q: %+v, want an error", body, got)
		}
		if v, _ := judgeBody(t, claim(), body); v.Outcome != outbox.Unknown || v.Code != nil {
			t.Errorf("%.60q: %v, want unknown", body, v.Outcome)
		}
	}
}

func FuzzVerdict(f *testing.F) {
	for _, tt := range []string{accepted,
		`{"errcode":47003,"errmsg":"argument invalid! data.thing2.value i rid: 00-11"}`, `{"errcode":"0"}`, "<html>",
		""} {
		f.Add(200, []byte(tt))
	}
	f.Add(502, []byte(accepted))
	f.Add(307, []byte(""))
	m, hide := render(f, claim()), hider(f)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		v, rejected := m.judge(wire.Reply{Status: status, Body: body, Left: true}, hide)
		var plain struct {
			Code json.Number `json:"errcode"`
		}
		readable := json.Unmarshal(body, &plain) == nil
		if v.Outcome == outbox.Accepted && (status != 200 || !readable || *v.Code != 0) {
			t.Errorf("accepted: HTTP %d %q", status, body)
		}
		if v.Outcome != outbox.Accepted && v.MsgID != 0 || v.Outcome == outbox.Halt && v.Stops == nil ||
			rejected && v.Outcome != outbox.Halt {
			t.Errorf("%+v", v)
		}
		if !utf8.ValidString(v.Text) || strings.ContainsFunc(v.Text, unicode.IsControl) ||
			utf8.RuneCountInString(v.Text) > 400 {
			t.Errorf("text %q", v.Text)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "生椰拿铁", `"\`, "<a&b>", "\x00\x1f\x7f\u2028", "\xff\xfe", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string([]rune(s)), got); diff != "" {
			t.Error(diff)
		}
	})
}
