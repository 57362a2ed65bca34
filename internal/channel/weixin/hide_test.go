package weixin

import "testing"

func TestHide(t *testing.T) {
	for _, tt := range []struct {
		name, words, hidden, want string
	}{
		{"nothing of it", "invalid openid", "oABCDEFGH", "invalid openid"},
		{"all of it", "invalid openid oABCDEFGH.", "oABCDEFGH", "invalid openid ***."},
		{"its beginning, where the words end", "invalid openid oABC", "oABCDEFGH", "invalid openid ***"},
		{"its middle", "(CDEF)", "oABCDEFGH", "(***)"},
		{"three bytes are no run", "(CDE)", "oABCDEFGH", "(CDE)"},
		{"two Chinese characters", "参数 张三丰 错误", "李张三", "参数 ***丰 错误"},
		{"in a URL", "?who=%e5%bc%a0%E4%B8%89&x", "张三", "?who=***&x"},
		{"in JSON", `{"a":"\u5F20\u4e09","b":"\"x y\""}`, "张三", `{"a":"***","b":"\"x y\""}`},
		{"quoted", `{"a":"say \"xy\" z"}`, `say "xy" z`, `{"a":"***"}`},
		{"a short one as a word", "table 12 of 120", "12", "table *** of 120"},
		{"one Chinese character", "姓王 name", "王", "姓*** name"},
		{"a single byte", "a 1", "1", "a 1"},
		{"the whole", "张三张三", "张三", "***"},
		{"an empty one", "abc", "", "abc"},
		{"bytes that are no text", "a\xffb \xff\xfe\xfd\xfcz", "\xff\xfe\xfd\xfc", "a\uFFFDb ***z"},
	} {
		if got := hide(tt.words, tt.hidden); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
