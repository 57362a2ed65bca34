package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// What goes wrong in a row: each a sentence that a person can act on, in the row or from the INSERT.

// everyType shows one parameter of each of WeChat's 13 types.
const everyType = `id: every-type
name: everyType
params: [thing, number, letter, symbol, chars, time, date, amount, phone, car, name, phrase, enum]
page: pages/index
data:
  thing1: "{thing}"
  number2: "{number}"
  letter3: "{letter}"
  symbol4: "{symbol}"
  character_string5: "{chars}"
  time6: "{time}"
  date7: "{date}"
  amount8: "{amount}"
  phone_number9: "{phone}"
  car_number10: "{car}"
  name11: "{name}"
  phrase12: "{phrase}"
  enum_string13: {value: "{enum}", values: [已发货, 已签收]}
`

var rightValues = []string{"生椰拿铁", "42", "abc", "!?", "VIP-1", "12:30", "2021-11-28", "19.9元", "+86-0766", "粤A8Z888",
	"张三", "已完成", "已发货"}

// wrongValues are each the wrong kind of thing for its type.
var wrongValues = []string{strings.Repeat("长", 21), "many", "a1", "a", "会员", "noon", "2021-13-45", "free", "phone",
	"粤A-888粤A888", "张3", "done", "已丢失"}

func writeTemplates(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func shippedTemplate(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repoRoot, "templates", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	dir := writeTemplates(t, map[string]string{"every.yaml": everyType,
		"orderStatus.yaml": shippedTemplate(t, "orderStatus.yaml")})
	w := newWorld(t, "--grant-all", "--templates="+dir)
	w.serve("SUBMSG_TEMPLATES=" + dir)
	next := 0
	insert := func(template, array, page string) string {
		next++
		psql(t, w.db, fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr, page) VALUES ('%s', "+
			"'%s', %s, %s);", person(next), template, array, page))
		return person(next)
	}
	refused := func(name, template, array, page, why string) {
		m := w.await(insert(template, array, page), "fail")
		if !strings.Contains(m.Text, why) || m.Code != nil || m.MsgID != nil {
			t.Errorf("%s: %q (errCode %v, msgId %v), want %q", name, m.Text, m.Code, m.MsgID, why)
		}
		w.wantSent(person(next), 0)
	}
	accepted := func(name, array string) fakewechat.Sent {
		openid := insert("orderStatus", array, "NULL")
		w.await(openid, "success")
		sent := w.wantSent(openid, 1)
		if len(sent) != 1 {
			t.Fatalf("%s: not sent", name)
		}
		return sent[0]
	}

	// so that each refusal below is the wrong value's
	w.await(insert("everyType", array(rightValues), "NULL"), "success")
	for i := range wrongValues {
		values := append([]string(nil), rightValues...)
		values[i] = wrongValues[i]
		refused("type "+fmt.Sprint(i+1), "everyType", array(values), "NULL", fmt.Sprintf("parameter %d (", i+1))
	}

	refused("too few", "orderStatus", "'{a,1,b}'", "NULL", "takes 4 parameters, but got 3: missing 4 (remark)")
	refused("none", "orderStatus", "'{}'", "NULL", "takes 4 parameters, but got 0")
	refused("too many", "orderStatus", "'{a,1,b,c,d}'", "NULL", "takes 4 parameters, but got 5: 1 too many")
	refused("empty value", "orderStatus", `'{"",1,b,c}'`, "NULL", "it is empty")
	refused("line break", "orderStatus", `ARRAY[E'a\nb','1','b','c']`, "NULL", "U+000A")
	refused("control character", "orderStatus", `ARRAY[E'a\x01b','1','b','c']`, "NULL", "U+0001")
	refused("DEL", "orderStatus", `ARRAY['a','1','b',E'c\x7f']`, "NULL", "parameter 4 (remark)")
	refused("too many emoji", "orderStatus", "ARRAY[repeat('😀', 11),'1','b','c']", "NULL", "22 characters long")
	refused("page with a scheme", "orderStatus", "'{a,1,b,c}'", "'https://example.com/'", "it has a scheme")
	refused("page above", "orderStatus", "'{a,1,b,c}'", "'pages/../../secret'", "..")
	refused("unknown template", "orderstatus", "'{a,1,b,c}'", "NULL", "未知模板")
	refused("somebody else's id", "AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw", "'{a,1,b,c,d}'", "NULL",
		"everyType、orderStatus")

	if got := accepted("emoji", "ARRAY[repeat('😀', 10),'1','👨‍👩‍👧','c']").Data["thing2"]; got != strings.Repeat("😀",
		10) {
		t.Errorf("emoji: sent %q", got)
	}
	if got := accepted("a place inside a value",
		"'{\"{goodsPrice}\",1,\"{{orderStatus}}\",\"%s $1 </script>\"}'").Data; got["thing2"] != "{goodsPrice}" ||
		got["thing11"] != "{{orderStatus}}" || got["thing5"] != "%s $1 </script>" {
		t.Errorf("a place inside a value: sent %q", got)
	}
	if got := accepted("quotes", `ARRAY['"\','1','''','\u0041']`).Data; got["thing2"] != `"\` || got["thing11"] != "'" || got["thing5"] != `\u0041` {
		t.Errorf("quotes: sent %q", got)
	}
	if n := w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus NOT IN ('fail', 'success')`); n != 0 {
		t.Errorf("%d messages of %d have come to no end", n, next)
	}
	w.exactlyOnce(0)
}

func array(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = sqlLiteral(v)
	}
	return "ARRAY[" + strings.Join(quoted, ",") + "]"
}

// What the table refuses at once: the error names the rule, and the application's other rows are unharmed.
func TestBadRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.serve()
	for name, c := range map[string]struct{ columns, values, says string }{
		"empty openid":       {"openid, templateId", "'', 'orderStatus'", "openid_is_1_to_64_ascii_characters_without_white_space"},
		"oversized openid":   {"openid, templateId", "repeat('o', 65), 'orderStatus'", "openid_is_1_to_64_ascii_characters_without_white_space"},
		"openid with space":  {"openid, templateId", "'o o', 'orderStatus'", "openid_is_1_to_64"},
		"NULL openid":        {"openid, templateId", "NULL, 'orderStatus'", `null value in column "openid"`},
		"NULL template":      {"openid, templateId", "'someone', NULL", `null value in column "templateid"`},
		"no template":        {"openid", "'someone'", `null value in column "templateid"`},
		"empty template":     {"openid, templateId", "'someone', ''", "templateid_is_1_to_64"},
		"NULL parameters":    {"openid, templateId, parameterArr", "'someone', 'orderStatus', NULL", `null value in column "parameterarr"`},
		"a NULL parameter":   {"openid, templateId, parameterArr", "'someone', 'orderStatus', '{a,NULL}'", "parameterarr_is_a_plain_list_without_null"},
		"a table":            {"openid, templateId, parameterArr", "'someone', 'orderStatus', '{{a,b},{c,d}}'", "parameterarr_is_a_plain_list_without_null"},
		"33 parameters":      {"openid, templateId, parameterArr", "'someone', 'orderStatus', array_fill('x'::text, '{33}')", "parameterarr_is_at_most_32_values"},
		"a novel":            {"openid, templateId, parameterArr", "'someone', 'orderStatus', ARRAY[repeat('x', 8193)]", "parameterarr_is_at_most_32_values_and_8192_bytes"},
		"a misspelt status":  {"openid, templateId, sendStatus", "'someone', 'orderStatus', 'Wait'", "sendstatus_is_wait_sending_success_fail_unknown_cancel_expired"},
		"sending by hand":    {"openid, templateId, sendStatus", "'someone', 'orderStatus', 'sending'", "sending_and_only_sending_has_a_claim"},
		"an endless page":    {"openid, templateId, page", "'someone', 'orderStatus', repeat('p', 1025)", "page_is_at_most_1024_characters"},
		"a NULL send time":   {"openid, templateId, sendAfter", "'someone', 'orderStatus', NULL", `null value in column "sendafter"`},
		"an empty dedup key": {"openid, templateId, dedupKey", "'someone', 'orderStatus', ''", "dedupkey_is_1_to_256_characters"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tryPsql(t, w.db, "INSERT INTO subMsgList ("+c.columns+") VALUES ("+c.values+");")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v\nwant %s", err, c.says)
			}
		})
	}
	psql(t, w.db, insertFor(1))
	w.await(person(1), "success")
	for _, status := range []string{"sent", "WAIT", ""} {
		_, err := tryPsql(t, w.db, "UPDATE subMsgList SET sendStatus = '"+status+"';")
		if err == nil || !strings.Contains(err.Error(), "sendStatus") &&
			!strings.Contains(err.Error(), "sendstatus_is_") {
			t.Errorf("status %q: %v", status, err)
		}
	}
	if n := w.number(`SELECT count(*) FROM subMsgList`); n != 1 {
		t.Errorf("%d rows, want the good one", n)
	}
	// An openid that is well formed, but nobody's: WeChat says so.
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('nobody', 'orderStatus', "+
		"'{a,1,b,c}');")
	if m := w.await("nobody", "fail"); m.Code == nil || *m.Code != 40003 {
		t.Errorf("errCode %v, %s", m.Code, m.Text)
	}
}
