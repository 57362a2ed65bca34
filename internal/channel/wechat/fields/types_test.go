package fields

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/submsg/submsg/templates"
)

// one makes a template with the single key, filled by the single parameter.
func one(t testing.TB, key, extra string) *templates.Template {
	t.Helper()
	return parse(t, "id: i\nname: n\nparams: [v]\n"+extra+"data:\n  "+key+": \"{v}\"\n")
}

func parse(t testing.TB, yaml string) *templates.Template {
	t.Helper()
	c, err := Load(fstest.MapFS{"t.yaml": {Data: []byte(yaml)}})
	if err != nil {
		t.Fatal(err)
	}
	return c.All()[0]
}

var typeCases = []struct {
	key          string
	pass, refuse []string
}{
	{"thing1",
		[]string{"审核通过", strings.Repeat("汉", 20), "a1 +，。😀", " ", strings.Repeat("😀", 10), "\uFFFD"},
		[]string{"", "吉尔吉斯斯坦进口黑麦列巴(700克/条)*2", strings.Repeat("汉", 21), strings.Repeat("😀", 11), "a\nb", "a\tb",
			"a\x00", "\u0085", "\xff", "汉\xe6\xb1"}},
	{"number1",
		[]string{"339208499", "-5", "0.65", ".5", "5.", strings.Repeat("9", 32)},
		[]string{"", "3个", "1,000", "1.2.3", ".", "-", "1e5", "12-3", strings.Repeat("9", 33)}},
	{"letter1",
		[]string{"Abc", "é", strings.Repeat("a", 32)},
		[]string{"", "A1", "汉", "a汉", "a b", "a-b", strings.Repeat("a", 33)}},
	{"symbol1",
		[]string{"***", "，。", "😀"},
		[]string{"", "a", "1", "汉", "******"}},
	{"character_string1",
		[]string{"20250910171633530938", "20200728-IT0000025-0003", "VIP20211128001", "a，b", strings.Repeat("x", 32)},
		[]string{"", "北京", "A座", strings.Repeat("x", 33)}},
	{"time1",
		[]string{"15:01", "15:01:02", "2019年10月1日 15:01", "2019年10月1日15:01", "2020-08-17 20:33:09",
			"2024-07-24 08:00~12:00", "08:00 ~ 12:00",
			"2024/07/24 08:00~2024/07/25 09:00", "24:00"},
		[]string{"", "2024-07-24 08~12", "08:00～12:00", "1708432089530", "25:00", "15:60", "15：01", "下午3:00", "08:00~",
			"08:00~09:00~10:00",
			"2024-13-01 08:00", "2024-07-24 08:00:00+08"}},
	{"date1",
		[]string{"2019年10月1日", "2019年10月1日 15:01", "2019-12-25 09:42", "2019年10月", "10月1日", "2018/01/01", "2018.01.01",
			"2018-01", "01-01",
			"2019-10-01~2019-10-07", "2019-10-01 09:00~18:00"},
		[]string{"", ":2020年4月12日", "2019-10-01～2019-10-07", "15:01", "明天", "2019-13-01", "2019-01-32", "20190101",
			"1708432089530"}},
	{"amount1",
		[]string{"￥100", "¥29.90", "12.3", "0.01", "1280.5元", "￥100元", "$5", "€5", "₿1", "-5.00", "￥-5", "9999999999",
			"9999999999.99"},
		[]string{"", "10万", "100万元", "元", "￥", "￥￥5", "1,000", "99999999999", "元5", "HK$5", "5.5.5", "5元元", "NaN"}},
	{"phone_number1",
		[]string{"+86-0766-66888866", "13800138000", "(010) 1234"},
		[]string{"", "1380013800a", "电话1", strings.Repeat("1", 18)}},
	{"car_number1",
		[]string{"粤A8Z888挂", "粤AD12345", "A12345", "使014578"},
		[]string{"", "粤A8Z8888挂", "粤A汉Z888", "粤A 8Z88", "粤A·8Z88", "-A8Z888"}},
	{"name1",
		[]string{"订阅", "张三", "Zhang San", strings.Repeat("a", 20), strings.Repeat("汉", 10), "张三(VIP)", "阿·汗"},
		[]string{"", "user25", "订阅消息内容1", strings.Repeat("a", 21), strings.Repeat("汉", 11),
			"张" + strings.Repeat("a", 10)}},
	{"phrase1",
		[]string{"配送中", "审核通过", "一二三四五"},
		[]string{"", "111", "一二三四五六", "ok", "配送 中", "配送中。"}},
	{"enum_string1",
		[]string{"anything", "待发货"},
		[]string{"", "a\nb"}},
	{"enum1", []string{"x"}, []string{""}},
}

func TestTypes(t *testing.T) {
	covered := map[templates.Type]bool{}
	for _, c := range typeCases {
		template := one(t, c.key, "")
		covered[template.Fields[0].Type] = true
		for _, v := range c.pass {
			if p, err := template.Render([]string{v}, ""); err != nil {
				t.Errorf("%s refuses %q: %v", c.key, v, err)
			} else if p.Data[0].Value != v {
				t.Errorf("%s makes %q of %q", c.key, p.Data[0].Value, v)
			}
		}
		for _, v := range c.refuse {
			if _, err := template.Render([]string{v}, ""); err == nil {
				t.Errorf("%s lets %q pass", c.key, v)
			}
		}
	}
	for kind := range requirements {
		if !covered[kind] {
			t.Errorf("no case for type %s", kind)
		}
	}
}

func TestEnumValues(t *testing.T) {
	template := parse(t, "id: i\nname: n\nparams: [v]\ndata:\n  enum_string2: {value: \"{v}\", values: [待发货, 已发货]}\n")
	if _, err := template.Render([]string{"已发货"}, ""); err != nil {
		t.Error(err)
	}
	_, err := template.Render([]string{"已签收"}, "")
	want := `parameter 1 (v) can't be enum_string2: it must be one of 待发货, 已发货`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestTruncate(t *testing.T) {
	family := "👨‍👩‍👧" // three people joined to one: 8 UTF-16 units
	cases := []struct{ name, key, value, want string }{
		{"thing gets an ellipsis", "thing1", strings.Repeat("汉", 21), strings.Repeat("汉", 19) + "…"},
		{"thing that just fits stays", "thing1", strings.Repeat("汉", 20), strings.Repeat("汉", 20)},
		{"a joined emoji is kept whole", "thing1", "abc" + family + family + "xyz", "abc" + family + family + "…"},
		{"or left out", "thing1", "abcd" + family + family + "xyz", "abcd" + family + "…"},
		{"a combining accent stays on its letter", "thing1", strings.Repeat("a", 18) + "e\u0301zz", strings.Repeat("a", 18) + "…"},
		{"name of letters", "name1", strings.Repeat("a", 25), strings.Repeat("a", 20)},
		{"name with Chinese", "name1", "张" + strings.Repeat("a", 25), "张" + strings.Repeat("a", 9)},
		{"phrase", "phrase1", "一二三四五六", "一二三四五"},
		{"letter", "letter1", strings.Repeat("a", 40), strings.Repeat("a", 32)},
		{"one character wider than the limit", "thing1", "e" + strings.Repeat("\u0301", 30), ""},
		{"character_string would lie", "character_string1", strings.Repeat("a", 40), ""},
		{"phone_number would lie", "phone_number1", strings.Repeat("1", 18), ""},
		{"car_number would lie", "car_number1", "粤A8Z8888挂", ""},
		{"a wrong character is not cut away", "phrase1", "一二三四五6", ""},
		{"nor is a line break", "thing1", strings.Repeat("汉", 21) + "\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := one(t, c.key, "onTooLong: truncate\n").Render([]string{c.value}, "")
			switch {
			case c.want == "" && err == nil:
				t.Errorf("got %q, want an error", p.Data[0].Value)
			case c.want != "" && err != nil:
				t.Error(err)
			case c.want != "" && p.Data[0].Value != c.want:
				t.Errorf("got %q, want %q", p.Data[0].Value, c.want)
			}
		})
	}
}
