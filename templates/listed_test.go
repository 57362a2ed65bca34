package templates

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// washer is the example of WeChat's own page, with some trouble added to its texts.
func washer() Listed {
	return Listed{ID: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME", Title: "洗衣机\"故障\"\n提醒", LongTerm: true,
		Keys: []ListedKey{
			{Key: "time1", Label: "完成时间", Example: "2021年10月21日 12:00:00"},
			{Key: "enum_string2", Label: "所在\n位置", Values: []string{"客厅", `a"b\c`, "客厅", "", "x\ny", "yes", "{z}"}},
			{Key: "amount12"},
		}}
}

func TestFile(t *testing.T) {
	got, err := washer().File("2024", WeChatKeys)
	if err != nil {
		t.Fatal(err)
	}
	want := "# A long-term subscription. Name the params as you like, here and in data; " +
		`give a page if the card shall open one.
id: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME"
name: "2024"
title: "洗衣机\"故障\" 提醒"
params: [time1, enum_string2, amount12]
data:
  time1: "{time1}" # 完成时间: 2021年10月21日 12:00:00
  enum_string2: {value: "{enum_string2}", values: ["客厅", "a\"b\\c", "yes", "{z}"]} # 所在 位置
  amount12: "{amount12}"
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	template := parse(t, want)
	if diff := cmp.Diff([]string{"客厅", `a"b\c`, "yes", "{z}"}, template.Fields[1].Values); diff != "" {
		t.Error(diff)
	}
	if template.Title != `洗衣机"故障" 提醒` || template.Name != "2024" || template.File != "t.yaml" {
		t.Errorf("%+v", template)
	}
}

// The file of one account among several says which.
func TestFileOfAnAccount(t *testing.T) {
	l := washer()
	l.Account = "shopA"
	content, err := l.File("2024", WeChatKeys)
	if err != nil {
		t.Fatal(err)
	}
	if got := parse(t, string(content)); got.Account != "shopA" {
		t.Errorf("account %q in:\n%s", got.Account, content)
	}
}

func TestFileRefuses(t *testing.T) {
	long := ListedKey{Key: "enum_string1"}
	for range 3000 {
		long.Values = append(long.Values,
			strings.Repeat("长", 10)+strings.Repeat("a", len(long.Values)%90)+string(rune('一'+len(long.Values))))
	}
	for _, tt := range []struct {
		name string
		edit func(*Listed)
		want string
	}{
		{"a type of tomorrow", func(l *Listed) { l.Keys[0].Key = "emoji1" }, `key "emoji1": WeChat has no type "emoji"`},
		{"no keys", func(l *Listed) { l.Keys = nil }, "WeChat lists no keys of it"},
		{"a key twice", func(l *Listed) { l.Keys[1].Key = "time1" }, "param time1 stands twice"},
		{"an id that is none", func(l *Listed) { l.ID = "../../etc" }, "id \"../../etc\": a WeChat template id is 1 to 64 of A-Z a-z 0-9 _ -"},
		{"too large", func(l *Listed) { l.Keys[1] = long }, "its file would be larger than 64 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := washer()
			tt.edit(&l)
			content, err := l.File("x", WeChatKeys)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if content != nil {
				t.Errorf("and a file:\n%.200s", content)
			}
		})
	}
	if _, err := washer().File("a/b", WeChatKeys); err == nil {
		t.Error("a name with a slash passes")
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		title, id string
		want      []string
	}{
		{"订单状态通知", "zT99mpoUCb28M", []string{"订单状态通知", "订单状态通知-zT99mpoU", "zT99mpoUCb28M"}},
		{"订单 (VIP) / 提醒", "abc", []string{"订单VIP提醒", "订单VIP提醒-abc", "abc"}},
		{"../..", "abc", []string{"template-abc", "abc"}},
		{"", "../../x", []string{"template-x", "x"}},
		{strings.Repeat("长", 50), "abc", []string{strings.Repeat("长", 40), strings.Repeat("长", 40) + "-abc", "abc"}},
	} {
		if diff := cmp.Diff(tt.want, Listed{ID: tt.id, Title: tt.title}.Names()); diff != "" {
			t.Errorf("%q: %s", tt.title, diff)
		}
	}
}

// FuzzFile: a file that is composed can be loaded, and says what WeChat said, whatever the texts hold.
func FuzzFile(f *testing.F) {
	for _, text := range []string{"订单", `"`, `\`, "\\\"#", "a # b", "{x}", "{{x}}", "\u2028", "\u0085", "\x00",
		"\xff", "\uFEFF", "- a", ": ", "'", "%", "@`", "true", "\U0001F600", "---", "\t", "\u202ea",
		"\u200b"} {
		f.Add(text, text, text, text, "thing1")
		f.Add("id", "title", "label", text, "enum_string2")
	}
	f.Fuzz(func(t *testing.T, id, title, label, value, key string) {
		only := ListedKey{Key: key, Label: label, Example: value, Values: []string{value, "b"}}
		l := Listed{ID: id, Title: title, Keys: []ListedKey{only}}
		name := l.Names()[0]
		content, err := l.File(name, WeChatKeys)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") || !utf8.ValidString(err.Error()) {
				t.Fatalf("not a sentence: %q", err)
			}
			return
		}
		if strings.ContainsFunc(string(content), func(r rune) bool { return r != '\n' && unseen(r) }) {
			t.Fatalf("not all of it is seen: %q", content)
		}
		c, err := load(folder(map[string]string{name + ".yaml": string(content)}))
		if err != nil {
			t.Fatalf("%v\n%s", err, content)
		}
		got := c.All()[0]
		if got.ID != id || got.Title != oneLine(title) || got.Name != name || len(got.Fields) != 1 ||
			got.Fields[0].Key != key {
			t.Fatalf("%+v\n%s", got, content)
		}
		control := func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }
		sendable := value != "" && !strings.ContainsFunc(value, control) && utf8.ValidString(value)
		if values := got.Fields[0].Values; got.Fields[0].Type.Lists() && sendable && values[0] != value {
			t.Fatalf("%q became %q\n%s", value, values, content)
		}
	})
}
