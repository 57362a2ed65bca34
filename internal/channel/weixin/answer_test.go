package weixin

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAnswer(t *testing.T) {
	for body, want := range map[string]Answer{
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
		got, err := ParseAnswer([]byte(body))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want)
		}
	}
}

// FuzzObject compares with encoding/json's own reading.
func FuzzObject(f *testing.F) {
	for _, body := range []string{`{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`, `{}`,
		` { "a\"}" : "\\" , "b":[{"c":"]"},{}],"d":null, "\u0061":-1e5 } `, `{"a":1,"\u0061":2}`,
		"{\"\xff\":1,\"\xfe\":2}",
		`{"a":"\xff"}`, `{"":{}}`, "\u00a0{}", `{"a":1}]`, `{"a":}`, `[]`, `nu`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseObject(body)
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
			if TextOf(raw) != text {
				t.Errorf("text %q of %s, not %q", TextOf(raw), raw, text)
			}
		}
	})
}

// decodeObject is ParseObject, token by token.
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
