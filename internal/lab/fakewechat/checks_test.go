package fakewechat

import (
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
)

func TestRules(t *testing.T) {
	han := func(n int) string { return strings.Repeat("汉", n) }
	for _, tt := range []struct {
		typ        fields.Type
		pass, fail []string
	}{
		{fields.Thing,
			[]string{"审核通过", han(20), "A1 ，!", " ", "☕拿铁", strings.Repeat("😀", 10)},
			[]string{"吉尔吉斯斯坦进口黑麦列巴(700克/条)*2", han(21), "a\nb", "a\tb", "a\u2028b", "\x7f", "��",
				strings.Repeat("😀", 10) + "a"}},
		{fields.Number,
			[]string{"339208499", "0", "3.14", strings.Repeat("9", 32), strings.Repeat("9", 30) + ".99"},
			[]string{"3个", "-1", "1.", ".5", "1.2.3", "１", "1e3", "1,000", strings.Repeat("9", 33), "0x1"}},
		{fields.Letter,
			[]string{"Abc", strings.Repeat("z", 32)},
			[]string{"A1", "汉", "a b", "é", "a-b", strings.Repeat("z", 33)}},
		{fields.Symbol,
			[]string{"***", "+-*/=", "！？"},
			[]string{"a*", "1*", "汉*", "******", "*\n"}},
		{fields.CharacterString,
			[]string{"20250910171633530938", "VIP-2021/01#1", strings.Repeat("x", 32)},
			[]string{"北京", "A北1", strings.Repeat("x", 33), "a\nb"}},
		{fields.Time,
			[]string{"15:01", "2019年10月1日 15:01", "2020-08-17 20:33:09", "2024-07-24 08:00~12:00", "00:00:00~23:59:59",
				"2024-07-24 08:00~2024-07-25 09:00", "8:05"},
			[]string{"2024-07-24 08~12", "08:00～12:00", "1708432089530", "2024-07-24", "24:00", "12:60", "12:5",
				"15:01:02.5", "2024-02-30 10:00",
				"2024-07-24T08:00", "15:01~", "~15:01", "08:00~09:00~10:00", "2019年10月 15:01", "15:01 ", "下午3:00"}},
		{fields.Date,
			[]string{"2019年10月1日", "2019年10月1日 15:01", "2019-12-25 09:42", "2018-01-01", "2018/01/01", "2018.01.01",
				"2018-01", "01-01", "2018年1月", "1月2日",
				"2019-12-25~2019-12-26", "2019-12-25 09:42~10:42", "2024-02-29"},
			[]string{":2020年4月12日", "2019-13-01", "2023-02-29", "15:01", "2019-12-25 25:00", "20191225",
				"2019-12-25~10:42", "19-12-2025", "2019-12-25～2019-12-26", "昨天", "2019年10月1"}},
		{fields.Amount,
			[]string{"￥100", "¥29.90", "12.3", "0.01", "1280.5元", "$5", "1234567890", "12345678.90"},
			[]string{"10万", "100万元", "656887888.00", "-1", "12345678901", "元", "1元2", "￥￥1", "1,000", "1.", "RMB5",
				"5 元"}},
		{fields.PhoneNumber,
			[]string{"+86-0766-66888866", "13800138000", "(010)12345678"},
			[]string{"1380013800a", "电话110", "123456789012345678", "１３８"}},
		{fields.CarNumber,
			[]string{"粤A8Z888挂", "粤A12345", "A12345", "京"},
			[]string{"粤A8Z8888挂", "粤A8汉88挂", "粤A·888", "A 1"}},
		{fields.Name,
			[]string{"订阅", "张三", "Zhang San", han(10), "阿里·买买提", strings.Repeat("a", 20)},
			[]string{"user25", "订阅消息内容1", han(11), strings.Repeat("a", 21), "张" + strings.Repeat("a", 10), "张\n三"}},
		{fields.Phrase,
			[]string{"配送中", "审核通过", han(5)},
			[]string{"111", han(6), "ok", "已发货!", "配送 中"}},
		{fields.Enum,
			[]string{"新", "旧"},
			[]string{"新旧", "new", "新 "}},
	} {
		t.Run(string(tt.typ), func(t *testing.T) {
			words := []string{"新", "旧"}
			for _, v := range tt.pass {
				if !valid(string(tt.typ), words, v) {
					t.Errorf("refused %q", v)
				}
			}
			for _, v := range tt.fail {
				if valid(string(tt.typ), words, v) {
					t.Errorf("passed %q", v)
				}
			}
		})
	}
}

func TestUnknownTypePassesNothing(t *testing.T) {
	if valid("const", nil, "x") {
		t.Error("a type without a check passed a value")
	}
}

func TestNumeral(t *testing.T) {
	for literal, want := range map[string]string{
		"3": "3", "-7": "-7", "12345678901234567890": "12345678901234567890",
		"0.65": "0.65000000000000002", "656887888.00": "656887888.00000000",
	} {
		if got := numeral(literal); got != want {
			t.Errorf("numeral(%s) = %s, want %s", literal, got, want)
		}
	}
}
