package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/rules"
)

func TestRuleCondition(t *testing.T) {
	type result struct {
		column string
		values []string
	}
	for _, tt := range []struct {
		name, text string
		want       result
		wrong      string
	}{
		{"one value", "status=paid", result{"status", []string{"paid"}}, ""},
		{"values", "status=paid,shipped,已退款", result{"status", []string{"paid", "shipped", "已退款"}}, ""},
		{"any change", "status", result{"status", nil}, ""},
		{"the empty value", "status=", result{"status", []string{""}}, ""},
		{"the empty value beside others", "status=paid,", result{"status", []string{"paid", ""}}, ""},
		{"a comma in a value", `city="Paris, Texas",Rome`, result{"city", []string{"Paris, Texas", "Rome"}}, ""},
		{"a quote in a value", `size="5"" wide"`, result{"size", []string{`5" wide`}}, ""},
		{"an equals sign in a value", "expr=a=b", result{"expr", []string{"a=b"}}, ""},
		{"spaces count", "state=in transit, x", result{"state", []string{"in transit", " x"}}, ""},
		{"no column", "=paid", result{}, "begin with the column"},
		{"an open quote", `size=5"`, result{}, "stands in quotes"},
		{"a line break", "size=5\n6", result{}, "stands in quotes"},
		{"nothing but line breaks", "size=\n\n", result{}, "stands in quotes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			column, values, err := condition("--when", tt.text)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("error %v, want %q", err, tt.wrong)
				}
				return
			}
			if diff := cmp.Diff(tt.want, result{column, values}, cmp.AllowUnexported(result{})); err != nil ||
				diff != "" {
				t.Errorf("error %v, -want +got:\n%s", err, diff)
			}
		})
	}
}

// Each flag comes to the argument of submsg_watch that it stands for.
func TestRuleFlags(t *testing.T) {
	var c struct {
		Add Add `cmd:""`
	}
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{"add", `shop."Orders"`, "--template=orderStatus", "--openid=buyer", "--param=goods",
		"--param==a, b",
		`--param={"column":"state","map":{"paid":"已付款","sent":"已发货"}}`, "--param", "note", "--flag=notify", "--when=state=paid,sent",
		"--filter=kind=food", "--filter=city=sz,gz", "--filter=kind=tea", "--on-insert", "--hold=30s", "--after=+2 hours", "--expire=pickup_at + 1 day",
		"--dedup=order-{id},{state}", "--page=pages/order?id={id}", "--name=paid orders"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Add.rule()
	if err != nil {
		t.Fatal(err)
	}
	want := rules.Rule{Name: "paid orders", Table: `shop."Orders"`, Template: "orderStatus", OpenID: "buyer",
		Params: []string{"goods", "=a, b", `{"column":"state","map":{"paid":"已付款","sent":"已发货"}}`, "note"},
		Flag:   "notify", WhenColumn: "state", WhenValues: []string{"paid", "sent"},
		Filter:   map[string][]string{"kind": {"food", "tea"}, "city": {"sz", "gz"}},
		OnInsert: true, Hold: 30 * time.Second, SendAfter: "+2 hours", ExpireTime: "pickup_at + 1 day",
		DedupKey: "order-{id},{state}", Page: "pages/order?id={id}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRuleSentence(t *testing.T) {
	base := rules.Rule{Table: "shop.refunds", Template: "orderStatus", OpenID: "buyer"}
	with := func(change func(*rules.Rule)) rules.Rule { r := base; change(&r); return r }
	const who = " in shop.refunds, the user in buyer gets orderStatus"
	for _, tt := range []struct {
		rule rules.Rule
		want string
	}{
		{with(func(r *rules.Rule) { r.Flag = "notify" }), "When notify is set" + who + "."},
		{with(func(r *rules.Rule) { r.WhenColumn = "state" }), "When state changes" + who + "."},
		{with(func(r *rules.Rule) { r.OnInsert = true }), "When a row is inserted" + who + "."},
		{with(func(r *rules.Rule) { r.WhenColumn, r.WhenValues = "state", []string{"paid", ""} }), `When state changes to "paid" or ""` + who + "."},
		{with(func(r *rules.Rule) {
			r.Flag, r.WhenColumn, r.WhenValues, r.OnInsert = "notify", "state", []string{"paid"}, true
		}),
			`When notify is set while state is "paid", or a row is inserted so,` + who + "."},
		{with(func(r *rules.Rule) {
			r.Flag, r.Hold, r.SendAfter, r.ExpireTime = "notify", time.Minute, "pickup_at", "+1 day"
			r.DedupKey, r.Page = "r-{id}", "pages/r?id={id}"
			r.Filter = map[string][]string{"kind": {"food"}, "city": {"sz", "gz"}}
		}), `When notify is set and city is "sz" or "gz" and kind is "food"` + who +
			", held for 1m in which the row can still call it off, not before pickup_at, never after +1 day, only " +
			"once for each r-{id}, opening pages/r?id={id}."},
		{with(func(r *rules.Rule) { r.WhenColumn, r.WhenValues = "state", []string{`a"b\c`, "👨‍👩‍👧"} }),
			`When state changes to "a\"b\\c" or "👨‍👩‍👧"` + who + "."},
	} {
		if got := sentence(tt.rule); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestRuleSource(t *testing.T) {
	for param, want := range map[string]string{
		"goods": "goods", "=退款 {id}": "=退款 {id}", `{"column":"state","map":{"b":"乙","a":"甲"},"else":"x","null":"无"}`: "state\na → 甲\nb → 乙\nelse → x\nNULL → 无",
		`{"column":"at","format":"HH24:MI","zone":"Asia/Shanghai"}`: "at\nwritten as HH24:MI\ntime zone Asia/Shanghai", "{": "{",
	} {
		if got := strings.Join(source(param), "\n"); got != want {
			t.Errorf("%s: %q, want %q", param, got, want)
		}
	}
}
