package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
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
		catalogue, err := fields.Load(os.DirFS(ts.MkAbs(args[0])))
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
	answer, err := http.Post(ts.Getenv("SUBMSG_WECHAT_URL")+"/_fake/faults", "application/json",
		strings.NewReader(args[0]))
	ts.Check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("the fake knows no such fault: %s", answer.Status)
	}
}
