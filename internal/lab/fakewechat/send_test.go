package fakewechat

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAccepted(t *testing.T) {
	f := newFake(t, Options{})
	f.grant(anna, orderID, 2)
	f.grant(anna, vipID, 1)

	first := f.send(order())
	vip := f.send(map[string]any{"touser": anna, "template_id": vipID, "data": items("name1", "张三",
		"character_string2", "VIP20211128001", "amount4", "100", "amount5", "356.5", "thing13", "感谢您的支持")})
	f.clock.advance(time.Second)
	second := f.send(with(order(), "page", nil, "lang", "en_US"))

	want := []Sent{
		{noon.UTC(), id(t, first), DefaultAppID, anna, orderID, "pages/APITest/APITest", "developer", "zh_CN",
			map[string]string{"thing2": "生椰拿铁", "amount3": "19.9元", "thing11": "已发货", "thing5": "预计明日送达"}},
		{noon.UTC(), id(t, vip), DefaultAppID, anna, vipID, "", "formal", "zh_CN", map[string]string{"name1": "张三",
			"character_string2": "VIP20211128001", "amount4": "100", "amount5": "356.5", "thing13": "感谢您的支持"}},
		{noon.Add(time.Second).UTC(), id(t, second), DefaultAppID, anna, orderID, "", "developer", "en_US",
			map[string]string{"thing2": "生椰拿铁", "amount3": "19.9元", "thing11": "已发货", "thing5": "预计明日送达"}},
	}
	if d := cmp.Diff(want, f.Sent()); d != "" {
		t.Error(d)
	}
	if first.ErrMsg != "ok" || !(id(t, first) > 1<<53 && id(t, first) < id(t, vip) && id(t, vip) < id(t, second)) {
		t.Errorf("answers %+v, %+v, %+v: want ok and msgids above 2^53, each greater than the last", first, vip, second)
	}
}

func id(t *testing.T, r result) int64 {
	t.Helper()
	n, err := r.MsgID.Int64()
	if r.ErrCode != 0 || err != nil {
		t.Fatalf("not accepted: %+v", r)
	}
	return n
}

var withRID = regexp.MustCompile(`^(.*\S) rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

func TestRefused(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	f.grant(boris, orderID, 0)
	thing2 := func(v any) map[string]any {
		m := order()
		m["data"].(map[string]any)["thing2"] = v
		return m
	}
	noKey := func(key string, wrong string) map[string]any {
		m := order()
		data := m["data"].(map[string]any)
		data[wrong] = data[key]
		delete(data, key)
		return m
	}
	const empty, invalid = "argument invalid! data.thing2.value is empty", "argument invalid! data.thing2.value invalid"
	for _, tt := range []struct {
		name string
		body any // a string goes out as it is
		code int
		msg  string
	}{
		{"no body", "", 44002, "empty post data"},
		{"broken JSON", `{"touser":`, 47001, "data format error"},
		{"more after the JSON", marshal(order()) + "{}", 47001, "data format error"},
		{"an array", `[]`, 47001, "data format error"},
		{"null", `null`, 47001, "data format error"},
		{"too long", marshal(order()) + strings.Repeat(" ", maxBody), 47001, "data format error"},
		{"raw line break", strings.Replace(marshal(order()), "已发货", "已\n发货", 1), 47001, "data format error"},

		{"no openid", with(order(), "touser", nil), 40003, "invalid openid"},
		{"empty openid", with(order(), "touser", ""), 40003, "invalid openid"},
		{"short openid", with(order(), "touser", anna[:27]), 40003, "invalid openid"},
		{"openid of another kind", with(order(), "touser", "x"+anna[1:]), 40003, "invalid openid"},
		{"openid is a number", with(order(), "touser", 7), 40003, "invalid openid"},
		{"key in another case", with(order(), "touser", nil, "toUser", anna), 40003, "invalid openid"},

		{"no template", with(order(), "template_id", nil), 40037, "invalid template_id"},
		{"template's name", with(order(), "template_id", "orderStatus"), 40037, "invalid template_id"},
		{"template's title", with(order(), "template_id", "订单状态通知"), 40037, "invalid template_id"},
		{"template is a list", with(order(), "template_id", []string{orderID}), 40037, "invalid template_id"},

		{"page with a scheme", with(order(), "page", "https://example.com/"), 41030, "invalid page"},
		{"page of a host", with(order(), "page", "//example.com/"), 41030, "invalid page"},
		{"page with a space", with(order(), "page", "pages/a b"), 41030, "invalid page"},
		{"page with a control", with(order(), "page", "pages/a?x=\u0001"), 41030, "invalid page"},
		{"page without a path", with(order(), "page", "?x=1"), 41030, "invalid page"},
		{"page is a number", with(order(), "page", 5), 41030, "invalid page"},

		{"state misspelt", with(order(), "miniprogram_state", "develop"), 40097, "invalid args"},
		{"lang misspelt", with(order(), "lang", "zh-CN"), 40097, "invalid args"},

		{"no data", with(order(), "data", nil), 47003, empty},
		{"data is a string", with(order(), "data", marshal(order()["data"])), 47003, empty},
		{"data is a list", with(order(), "data", []any{order()["data"]}), 47003, empty},
		{"key missing", noKey("thing2", "thing3"), 47003, empty},
		{"key with .DATA", noKey("thing2", "thing2.DATA"), 47003, empty},
		{"key with a space", noKey("thing2", "thing2 "), 47003, empty},
		{"item is a string", thing2("x"), 47003, empty},
		{"item without value", thing2(map[string]any{"Value": "x"}), 47003, empty},
		{"value is null", thing2(map[string]any{"value": nil}), 47003, empty},
		{"value is empty", thing2(map[string]any{"value": ""}), 47003, empty},
		{"value is a list", thing2(map[string]any{"value": []string{"x"}}), 47003, empty},
		{"value too long", thing2(map[string]any{"value": strings.Repeat("长", 21)}), 47003, invalid},
		{"line break", thing2(map[string]any{"value": "a\nb"}), 47003, invalid},
		{"GBK bytes", strings.Replace(marshal(order()), "生椰拿铁", "\xc9\xfa\xd2\xac", 1), 47003, invalid},
		{"half a surrogate", strings.Replace(marshal(order()), "生椰拿铁", `\ud83d`, 1), 47003, invalid},
		{"fraction as a number",
			with(order(), "data", items("thing2", "x", "amount3", 0.65, "thing11", "x", "thing5", "x")), 47003,
			"argument invalid! data.amount3.value invalid"},
		{"the first of two", with(order(), "data", items("thing2", "x", "thing5", "", "thing11", "\n", "amount3", "1")),
			47003, "argument invalid! data.thing11.value invalid"},

		{"no permission", with(order(), "touser", boris), 43101, "user refuse to accept the msg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, raw := tt.body.(string)
			if !raw {
				body = marshal(tt.body)
			}
			got := f.sendRaw(body)
			msg := withRID.FindStringSubmatch(got.ErrMsg)
			if got.ErrCode != tt.code || msg == nil || msg[1] != tt.msg {
				t.Errorf("got %d %q, want %d %q and a rid", got.ErrCode, got.ErrMsg, tt.code, tt.msg)
			}
		})
	}
	if n := len(f.Sent()); n != 0 {
		t.Errorf("%d refused messages stand in the ledger", n)
	}
}

// WeChat is kinder than its page in these.
func TestTolerated(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	data := items("thing2", "x", "amount3", 20, "thing11", "x", "thing5", "x", "thing99", "\n")
	data["thing2"] = map[string]any{"value": "x", "color": ""}
	for name, m := range map[string]any{
		"number, colour, key too many": with(order(), "data", data),
		"empty page":                   with(order(), "page", ""),
		"page with a query":            with(order(), "page", "index?foo=bar&url=https://a b"),
		"no state, no lang":            with(order(), "lang", nil, "miniprogram_state", nil),
		"unknown key":                  with(order(), "client_msg_id", "1"),
	} {
		t.Run(name, func(t *testing.T) { id(t, f.send(m)) })
	}
	for _, sent := range f.Sent() {
		if _, there := sent.Data["thing99"]; there {
			t.Error("a key that the template does not have was delivered")
		}
	}
}

// The texts that were seen in real answers.
func TestCutAt48(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	good := func() map[string]any {
		return items("character_string1", "a", "car_number12", "粤A1", "character_string10", "b", "number4", 3,
			"enum_string2", "新")
	}
	for _, tt := range []struct{ key, value, want string }{
		{"character_string1", "北京", "argument invalid! data.character_string1.value i rid: "},
		{"car_number12", "", "argument invalid! data.car_number12.value is emp rid: "},
		{"character_string10", "北京", "argument invalid! data.character_string10.value rid: "},
		{"number4", "x", "argument invalid! data.number4.value invalid rid: "},
		{"enum_string2", "坏", "argument invalid! data.enum_string2.value invali rid: "},
	} {
		data := good()
		data[tt.key] = map[string]any{"value": tt.value}
		got := f.send(map[string]any{"touser": anna, "template_id": longID, "data": data})
		if got.ErrCode != 47003 || !strings.HasPrefix(got.ErrMsg, tt.want) {
			t.Errorf("%s: got %d %q, want %q…", tt.key, got.ErrCode, got.ErrMsg, tt.want)
		}
	}
	id(t, f.send(map[string]any{"touser": anna, "template_id": longID, "data": good()}))
}

// Each step mends the first mistake of the one before; the order is that of the checks.
func TestOrderOfChecks(t *testing.T) {
	f := newFake(t, Options{DailyQuota: 100})
	if err := f.SetQuota(SendPath, 0, 0); err != nil {
		t.Fatal(err)
	}
	good := f.stable(false).Token
	data := order()["data"]
	m := map[string]any{"touser": "?", "template_id": "?", "page": ":", "data": nil}
	body := "{"
	step := func(token string, want int) {
		t.Helper()
		if got := f.call(http.MethodPost, SendPath+"?access_token="+token, body); got.ErrCode != want {
			t.Errorf("got %d %s, want %d", got.ErrCode, got.ErrMsg, want)
		}
	}
	edit := func(key string, v any) { m[key] = v; body = marshal(m) }
	step("", 41001)
	step("short", 40014)
	step(strings.Repeat("x", 512), 40001)
	step(good, 47001)
	edit("lang", "zh_CN")
	step(good, 40003)
	edit("touser", anna)
	step(good, 40037)
	edit("template_id", orderID)
	step(good, 41030)
	edit("page", "index")
	step(good, 47003)
	edit("data", data)
	step(good, 43101)
	f.grant(anna, orderID, 1)
	_, leave := f.calls.enter(anna)
	step(good, 43108)
	leave(0)
	step(good, 45009)
	if err := f.SetQuota(SendPath, Unlimited, Unlimited); err != nil {
		t.Fatal(err)
	}
	step(good, 0)
}

func TestMethodsAndPaths(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", SendPath, 43002}, {"PUT", SendPath, 43002}, {"GET", StableTokenPath, 43002},
		{"POST", TokenPath, 43001}, {"GET", QuotaGetPath, 43002}, {"GET", ClearQuotaPath, 43002},
		{"POST", "/", 40066}, {"POST", SendPath + "/", 40066}, {"GET", "/_fake", 40066},
		{"POST", "/cgi-bin/../_fake/grants", 40066}, {"GET", "//_fake/sent", 40066},
	} {
		if got := f.call(tt.method, tt.path, "{}"); got.ErrCode != tt.want {
			t.Errorf("%s %s: got %d %s, want %d", tt.method, tt.path, got.ErrCode, got.ErrMsg, tt.want)
		}
	}
}
