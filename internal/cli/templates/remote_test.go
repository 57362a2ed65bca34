package templates

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/templates"
)

// scriptWeChat gives the script a WeChat of its own. What stands in a file is answered only where the fake, with its
// checks of method and token, would have answered as well.
func scriptWeChat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: wechat DIR|FILE.json")
	}
	o := fakewechat.Options{AppID: "wx0123456789abcdef", Secret: secretMark + "OfScripts"}
	recorded := ""
	if path.Ext(args[0]) == ".json" {
		recorded = ts.ReadFile(args[0])
	} else {
		catalogue, err := templates.Load(os.DirFS(ts.MkAbs(args[0])))
		ts.Check(err)
		o.Templates = func() *templates.Catalogue { return catalogue }
	}
	fake := fakewechat.New(o)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if recorded == "" || r.URL.Path != fakewechat.GetTemplatePath {
			fake.ServeHTTP(w, r)
			return
		}
		judged := httptest.NewRecorder()
		fake.ServeHTTP(judged, r)
		var answer struct{ ErrCode int }
		if json.Unmarshal(judged.Body.Bytes(), &answer) == nil && answer.ErrCode == 0 {
			judged.Body.Reset()
			judged.Body.WriteString(recorded)
		}
		_, _ = w.Write(judged.Body.Bytes())
	}))
	ts.Defer(server.Close)
	ts.Setenv("SUBMSG_WECHAT_URL", server.URL)
	ts.Setenv("SUBMSG_WECHAT_APPID", o.AppID)
	ts.Setenv("SUBMSG_WECHAT_SECRET", o.Secret)
}

func scriptFault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fault JSON")
	}
	answer, err := http.Post(ts.Getenv("SUBMSG_WECHAT_URL")+"/_fake/faults", "application/json", strings.NewReader(args[0]))
	ts.Check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("the fake knows no such fault: %s", answer.Status)
	}
}

func TestCompare(t *testing.T) {
	key := func(key string, values ...string) templates.ListedKey {
		return templates.ListedKey{Key: key, Label: "标签", Values: values}
	}
	field := func(key, value string, values ...string) templates.Field {
		return templates.Field{Key: key, Value: value, Values: values}
	}
	many := []string{"1", "2", "3", "4", "5", "6"}
	for _, tt := range []struct {
		name  string
		here  []templates.Field
		there []templates.ListedKey
		want  []difference
	}{
		{"the same", []templates.Field{field("thing1", "{a}")}, []templates.ListedKey{key("thing1")}, nil},
		{"in another order", []templates.Field{field("thing2", "{a}"), field("thing1", "{b}")}, []templates.ListedKey{key("thing1"), key("thing2")}, nil},
		{"a key is missing", []templates.Field{field("thing1", "{a}")}, []templates.ListedKey{key("thing1"), key("amount2")},
			[]difference{{"t", "amount2", "missing in the file: 标签", true}}},
		{"a key too many", []templates.Field{field("thing1", "{a}"), field("thing2", "{b}")}, []templates.ListedKey{key("thing1")},
			[]difference{{"t", "thing2", "WeChat has no such key, users don't see it", false}}},
		{"another type", []templates.Field{field("thing12", "{a}")}, []templates.ListedKey{key("amount12")},
			[]difference{{"t", "amount12", "the file has thing12", true}}},
		{"the page's word for an enum", []templates.Field{field("enum2", "{a}")}, []templates.ListedKey{key("enum_string2", "a")},
			[]difference{{"t", "enum_string2", "the file has enum2", true}}},
		{"a value that WeChat lacks", []templates.Field{field("enum_string1", "{a}", "甲", "乙")}, []templates.ListedKey{key("enum_string1", "乙")},
			[]difference{{"t", "enum_string1", "WeChat does not take 甲", true}}},
		{"a value that the file lacks", []templates.Field{field("enum_string1", "{a}", "甲")}, []templates.ListedKey{key("enum_string1", "甲", "乙")},
			[]difference{{"t", "enum_string1", "not listed in the file: 乙", false}}},
		{"no values in the file", []templates.Field{field("enum_string1", "{a}")}, []templates.ListedKey{key("enum_string1", many...)},
			[]difference{{"t", "enum_string1", "not listed in the file: 1, 2, 3, 4, 5, … (6)", false}}},
		{"no values at WeChat", []templates.Field{field("enum_string1", "{a}", "甲")}, []templates.ListedKey{key("enum_string1")}, nil},
		{"a fixed value", []templates.Field{field("enum_string1", "甲")}, []templates.ListedKey{key("enum_string1", "甲", "乙")}, nil},
		{"a fixed value that WeChat lacks", []templates.Field{field("enum_string1", "丙")}, []templates.ListedKey{key("enum_string1", "甲", "乙")},
			[]difference{{"t", "enum_string1", "WeChat does not take 丙", true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			local := []*templates.Template{{ID: "i", Name: "t", Fields: tt.here}}
			got := compare(local, []templates.Listed{{ID: "i", Title: "t", Keys: tt.there}})
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(difference{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
