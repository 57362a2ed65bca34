package fakewechat

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzSend: whatever is posted, the answer is an HTTP 200 with one JSON object, and what was
// accepted is fit to be seen by a person.
func FuzzSend(f *testing.F) {
	for _, seed := range []string{
		marshal(order()), "", "null", "[]", `{"touser":1}`, `{"data":{"thing2":{"value":"\ud800"}}}`,
		marshal(with(order(), "data", "x")), marshal(with(order(), "data", items("thing2", 1.5))),
		"\xc9\xfa" + marshal(order()),
	} {
		f.Add([]byte(seed))
	}
	fake := newFake(f, Options{GrantAll: true})
	target := SendPath + "?access_token=" + fake.stable(false).Token
	f.Fuzz(func(t *testing.T, body []byte) {
		fake.t = t
		fake.ledger.records = nil
		r := fake.call(http.MethodPost, target, string(body))
		sent := fake.Sent()
		if (r.ErrCode == 0) != (len(sent) == 1) {
			t.Fatalf("%+v, but %d in the ledger", r, len(sent))
		}
		for _, s := range sent {
			if len(s.Data) < 4 || !json.Valid(body) {
				t.Fatalf("accepted with data %q", s.Data)
			}
			for key, v := range s.Data {
				if v == "" || !utf8.ValidString(v) || len([]rune(v)) > 32 || containsControl(v) {
					t.Errorf("accepted %s = %q", key, v)
				}
			}
		}
	})
}

func containsControl(v string) bool {
	for _, r := range v {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}

// FuzzRules: no type lets through what has no place on a card.
func FuzzRules(f *testing.F) {
	for _, v := range []string{"15:01", "2019年10月1日 15:01~16:00", "￥12.5元", "粤A1挂", "张三", "\x00", "😀", "-", "~"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for typ := range checks {
			if valid(typ, nil, v) && v != "" &&
				(containsControl(v) || !utf8.ValidString(v) || utf8.RuneCountInString(v) > 64) {
				t.Errorf("%s passed %q", typ, v)
			}
		}
	})
}

func BenchmarkSend(b *testing.B) {
	f := newFake(b, Options{GrantAll: true})
	target := SendPath + "?access_token=" + f.stable(false).Token
	body := marshal(order())
	b.ReportAllocs()
	for b.Loop() {
		f.call(http.MethodPost, target, body)
	}
}
