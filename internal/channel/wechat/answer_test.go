package wechat

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/outbox"
)

func TestParseAnswer(t *testing.T) {
	for body, want := range map[string]answer{
		`{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`:             {0, "ok", "", 1988810812324364291},
		" {\"errmsg\" : \"ok\" ,\"errcode\":0}\r\n":                           {0, "ok", "", 0},
		`{"errcode":0,"msgid":"3248682510344192008"}`:                         {0, "", "", 3248682510344192008},
		`{"errcode":0,"msgid":9223372036854775807}`:                           {0, "", "", 9223372036854775807},
		`{"errcode":0,"msgid":null,"errmsg":null,"more":{"a":[1,{}]}}`:        {0, "", "", 0},
		`{"errcode":-1,"errmsg":5}`:                                           {-1, "5", "", 0},
		`{"errcode":40003,"errmsg":"invalid openid rid: 6472dfd0-536f-16f2"}`: {40003, "invalid openid", "6472dfd0-536f-16f2", 0},
		`{"errcode":40003,"errmsg":"invalid openid hint: [a b]"}`:             {40003, "invalid openid hint: [a b]", "", 0},
		`{"errcode":40003,"errmsg":"x rid: <script>"}`:                        {40003, "x rid: <script>", "", 0},
	} {
		got, err := parseAnswer([]byte(body))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want)
		}
	}
}

func TestParseAnswerRefuses(t *testing.T) {
	for _, body := range []string{
		``, ` `, `null`, `0`, `"ok"`, `[]`, `[{"errcode":0}]`, `{}`, `{"errmsg":"ok"}`, `{"errcode":null}`, `{"errcode":"0"}`,
		`{"errcode":false}`, `{"errcode":0.0}`, `{"errcode":0e0}`, `{"errcode":[0]}`, `{"errcode":{}}`, `{"errcode":4294967296}`,
		`{"ErrCode":0}`, `{"ERRCODE":0}`, `{"errcode":0`, `{"errcode":0,`, `{"errcode":0,}`, `{"errcode":0}}`, `{"errcode":0}{"errcode":0}`,
		`{"errcode":0} ok`, `{"errcode":40001,"errcode":0}`, `{"errcode":00}`, "\ufeff" + `{"errcode":0}`, `{'errcode':0}`, `{errcode:0}`,
		`<xml><errcode>0</errcode></xml>`, strings.Repeat(`{"errcode":`, 20000), strings.Repeat(`[`, 60000),
	} {
		if got, err := parseAnswer([]byte(body)); err == nil {
			t.Errorf("%.60q: %+v, want an error", body, got)
		}
		if v, _ := judgeBody(t, claim(), body); v.Outcome != outbox.Unknown || v.Code != nil {
			t.Errorf("%.60q: %v, want unknown", body, v.Outcome)
		}
	}
}

// FuzzObject compares with encoding/json's own reading.
func FuzzObject(f *testing.F) {
	for _, body := range []string{accepted, `{}`, ` { "a\"}" : "\\" , "b":[{"c":"]"},{}],"d":null, "\u0061":-1e5 } `, `{"a":1,"\u0061":2}`, "{\"\xff\":1,\"\xfe\":2}",
		`{"a":"\xff"}`, `{"":{}}`, "\u00a0{}", `{"a":1}]`, `{"a":}`, `[]`, `nu`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseObject(body)
		want, plain := decodeObject(body)
		if (err == nil) != plain {
			t.Fatalf("%q: %v, but encoding/json takes it: %v", body, err, plain)
		}
		if diff := cmp.Diff(want, got); diff != "" && plain {
			t.Error(diff)
		}
		for _, raw := range got {
			text := ""
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			if textOf(raw) != text {
				t.Errorf("text %q of %s, not %q", textOf(raw), raw, text)
			}
		}
	})
}

// decodeObject is parseObject, token by token.
func decodeObject(body []byte) (map[string]json.RawMessage, bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			return nil, false
		}
		if _, twice := fields[key.(string)]; twice {
			return nil, false
		}
		fields[key.(string)] = value
	}
	_, closing := dec.Token()
	_, after := dec.Token()
	return fields, closing == nil && after == io.EOF
}

func FuzzVerdict(f *testing.F) {
	for _, tt := range []string{accepted, `{"errcode":47003,"errmsg":"argument invalid! data.thing2.value i rid: 00-11"}`, `{"errcode":"0"}`, "<html>", ""} {
		f.Add(200, []byte(tt))
	}
	f.Add(502, []byte(accepted))
	f.Add(307, []byte(""))
	l := letterOf(f, claim())
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		v, rejected := l.judge(reply{status: status, body: body, left: true}, blackOut(canarySecret))
		var plain struct {
			Code json.Number `json:"errcode"`
		}
		readable := json.Unmarshal(body, &plain) == nil
		if v.Outcome == outbox.Accepted && (status != 200 || !readable || *v.Code != 0) {
			t.Errorf("accepted: HTTP %d %q", status, body)
		}
		if v.Outcome != outbox.Accepted && v.MsgID != 0 || v.Outcome == outbox.Halt && v.Stops == nil || rejected && v.Outcome != outbox.Halt {
			t.Errorf("%+v", v)
		}
		if !utf8.ValidString(v.Text) || strings.ContainsFunc(v.Text, unicode.IsControl) || utf8.RuneCountInString(v.Text) > 400 {
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
