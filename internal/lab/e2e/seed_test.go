package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// The cases that the project was made for.

func readSeed(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "seed", name))
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

type seedTemplate struct {
	Name, TemplateID string
	Sample           struct {
		OpenID       string
		ParameterArr []string
	}
	Sent struct {
		ToUser     string
		TemplateID string `json:"template_id"`
		Page, Lang string
		State      string `json:"miniprogram_state"`
		Data       map[string]struct{ Value string }
	}
}

// expected is the sample as the fake's ledger must hold it.
func (s seedTemplate) expected() fakewechat.Sent {
	e := fakewechat.Sent{OpenID: s.Sent.ToUser, TemplateID: s.Sent.TemplateID, Page: s.Sent.Page, State: s.Sent.State,
		Lang: s.Sent.Lang, Data: map[string]string{}}
	for key, item := range s.Sent.Data {
		e.Data[key] = item.Value
	}
	return e
}

func TestSeedPayloadsReachWeChat(t *testing.T) {
	t.Parallel()
	var seeds []seedTemplate
	readSeed(t, "templates.json", &seeds)
	w := newWorld(t, "--grant-all")
	p := w.serve()
	var want []fakewechat.Sent
	for _, s := range seeds {
		for _, template := range []string{s.TemplateID, s.Name} { // the original's id, and the name as a convenience
			psql(t, w.db, fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('%s', '%s', "+
				"'{%s}');",
				s.Sample.OpenID, template, strings.Join(s.Sample.ParameterArr, ",")))
			m := w.await(s.Sample.OpenID, "success")
			if m.MsgID == nil || *m.MsgID <= 1<<53 {
				t.Errorf("msgId %v: want one above 2^53", m.MsgID)
			}
			want = append(want, s.expected())
		}
	}
	if len(want) != 4 {
		t.Fatalf("%d cases in the seed, want 4", len(want))
	}
	ignored := cmpopts.IgnoreFields(fakewechat.Sent{}, "Time", "MsgID", "AppID")
	if diff := cmp.Diff(want, w.sent(""), ignored); diff != "" {
		t.Errorf("want -, sent +\n%s", diff)
	}
	w.exactlyOnce(0)
	if p.count("level=error")+p.count("level=warning") > 0 {
		t.Error("serve complains while nothing is wrong")
	}
}

type seedOrders struct {
	Order   map[string]any
	Updates []struct {
		Set      map[string]any
		Messages int
		Message  *struct {
			TemplateID   string
			ParameterArr []string
			SendStatus   string
		}
		OrderAfter map[string]any
	}
}

func sqlLiteral(v any) string {
	if s, ok := v.(string); ok {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return fmt.Sprint(v)
}

func TestSeedOrders(t *testing.T) {
	t.Parallel()
	var seed seedOrders
	readSeed(t, "orders.json", &seed)
	w := newWorldWithOrders(t, "--grant-all")
	openid := seed.Order["openid"].(string)

	for _, flag := range []bool{seed.Order["isSendMsg"].(bool), true} { // "an insert with the flag set notifies nobody"
		seed.Order["isSendMsg"] = flag
		var columns, values []string
		for column, v := range seed.Order {
			columns, values = append(columns, column), append(values, sqlLiteral(v))
		}
		psql(t, w.db, fmt.Sprintf("INSERT INTO orders (%s) VALUES (%s);", strings.Join(columns, ", "),
			strings.Join(values, ", ")))
	}
	if n := len(w.messages(openid)); n != 0 {
		t.Fatalf("inserting orders made %d messages", n)
	}
	psql(t, w.db, "DELETE FROM orders WHERE isSendMsg;")

	for i, step := range seed.Updates {
		before := len(w.messages(openid))
		var sets []string
		for column, v := range step.Set {
			sets = append(sets, column+" = "+sqlLiteral(v))
		}
		psql(t, w.db, "UPDATE orders SET "+strings.Join(sets, ", ")+";")
		all := w.messages(openid)
		if got := len(all) - before; got != step.Messages {
			t.Fatalf("update %d made %d messages, want %d", i+1, got, step.Messages)
		}
		for column, v := range step.OrderAfter {
			if got := psql(t, w.db, fmt.Sprintf("SELECT %s = %s FROM orders;", column, sqlLiteral(v))); got != "t\n" {
				t.Errorf("update %d: order's %s isn't %v", i+1, column, v)
			}
		}
		if step.Message != nil {
			m := all[len(all)-1]
			got := fmt.Sprint(m.Template, m.Params, m.Status)
			if want := fmt.Sprint(step.Message.TemplateID, step.Message.ParameterArr,
				step.Message.SendStatus); got != want {
				t.Errorf("update %d: message %s, want %s", i+1, got, want)
			}
		}
	}
	w.serve() // and what the rule inserted goes out
	w.await(openid, "success")
	if sent := w.sent(openid); len(sent) != 1 || sent[0].Data["thing13"] != "改备注,不通知" {
		t.Errorf("sent %v", sent)
	}
}
