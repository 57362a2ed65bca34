package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// shops are two mini-programs of one WeChat, and a template of each: x is sent by shopA, y by shopB.
type shops struct {
	*world
	accounts, templates string // their folders
}

func newShops(t *testing.T) shops {
	t.Helper()
	x, y := templateOf("x", "shopA"), templateOf("y", "shopB")
	s := shops{templates: writeTemplates(t, map[string]string{"x.yaml": x, "y.yaml": y})}
	s.world = newWorld(t, "--grant-all", "--account=wxb="+secretMark+"OfShopB", "--templates="+
		writeTemplates(t, map[string]string{"x.yaml": x, "y.yaml": y}))
	s.accounts = writeTemplates(t, map[string]string{
		"a.yaml": fmt.Sprintf("name: shopA\nchannel: wechat\nappid: %s\nsecretFile: a.secret\nurl: %s\n",
			fakewechat.DefaultAppID, s.url),
		"a.secret": s.secret,
		"b.yaml":   "name: shopB\nchannel: wechat\nappid: wxb\nsecretEnv: SHOP_B_SECRET\nurl: " + s.url + "\n"})
	return s
}

func templateOf(name, account string) string {
	return fmt.Sprintf("id: %s-id\nname: %s\naccount: %s\nparams: [what]\ndata:\n  thing1: \"{what}\"\n", name, name,
		account)
}

func (s shops) serve(env ...string) *process {
	s.t.Helper()
	return s.world.serve(append([]string{"SUBMSG_WECHAT_APPID=", "SUBMSG_WECHAT_SECRET=",
		"SUBMSG_ACCOUNTS=" + s.accounts, "SUBMSG_TEMPLATES=" + s.templates,
		"SHOP_B_SECRET=" + secretMark + "OfShopB"}, env...)...)
}

// insert inserts one message for the nth person.
func (s shops) insert(n int, template string) {
	s.t.Helper()
	psql(s.t, s.db, fmt.Sprintf(`INSERT INTO subMsgList (openid, templateId, parameterArr)
		VALUES ('%s', '%s', '{hello}');`, person(n), template))
}

// sentBy are the accounts that have sent something to a person.
func (s shops) sentBy(n int) (appIDs []string) {
	for _, sent := range s.sent(person(n)) {
		appIDs = append(appIDs, sent.AppID)
	}
	return appIDs
}

// Each message goes through the account of its template. One that can't send holds back its own messages only, and
// they go out when it is well again.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	s := newShops(t)
	s.post("/_fake/faults?appid=wxb", `{"kind":"errcode","errcode":40125,"count":-1,"path":"`+
		fakewechat.StableTokenPath+`"}`, nil)
	p := s.serve("SUBMSG_HTTP_ADDR=127.0.0.1:0", "SUBMSG_PROBE_EVERY=100ms")
	s.insert(1, "y")
	s.insert(2, "x")
	s.await(person(2), "success")
	eventually(t, "it is ready, and says who is not", func() bool {
		status, answer := p.ready()
		for _, c := range answer.Checks {
			if c.Check == "token" && strings.HasPrefix(c.Says, "shopB: ") {
				return c.OK && status == http.StatusOK && !strings.Contains(c.Says, "shopA")
			}
		}
		return false
	})
	if m := s.await(person(1), "wait"); m.Attempts != 0 {
		t.Errorf("it was tried %d times", m.Attempts)
	}
	s.clearFaults()
	s.insert(3, "x-id")
	s.insert(4, "y-id")
	for n := 1; n <= 4; n++ {
		s.await(person(n), "success")
	}
	for n, want := range map[int]string{1: "wxb", 2: fakewechat.DefaultAppID, 3: fakewechat.DefaultAppID, 4: "wxb"} {
		if diff := cmp.Diff([]string{want}, s.sentBy(n)); diff != "" {
			t.Errorf("message %d (-want +got):\n%s", n, diff)
		}
	}

	// A quota of one: its messages wait, the other's go.
	s.post("/_fake/quota?appid=wxb", `{"daily":0,"minute":-1}`, nil)
	s.insert(5, "y")
	eventually(t, "shopB is paused", func() bool {
		return s.number(`SELECT count(*) FROM subMsgPause WHERE templateId = '*shopB'`) == 1
	})
	s.insert(6, "y")
	s.insert(7, "x")
	s.await(person(7), "success")
	eventually(t, "two messages wait", func() bool { return s.count("wait") == 2 })
	s.post("/_fake/quota?appid=wxb", `{"daily":-1,"minute":-1}`, nil)
	psql(t, s.db, "DELETE FROM subMsgPause;")
	s.await(person(5), "success")
	s.await(person(6), "success")
	s.exactlyOnce(0)
}

// Accounts come, go and change while serve runs; a template that names one that is gone is a mistake, and everything
// stays as it was.
func TestAccountsReload(t *testing.T) {
	t.Parallel()
	s := newShops(t)
	p := s.serve()
	b := filepath.Join(s.accounts, "b.yaml")
	shopB, err := os.ReadFile(b)
	if err == nil {
		err = os.Remove(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.says(`a file has a mistake, the accounts and templates before stay in use: templates in \S+: y.yaml:3: account .*shopB.* is none of shopA`)
	s.insert(1, "y")
	s.await(person(1), "success")

	rename(t, s.templates, "y.yaml", templateOf("y", "shopA"))
	p.says(`msg="accounts and templates reloaded" accounts=1 templates=2`)
	s.insert(2, "y")
	s.await(person(2), "success")

	// Back, and with a secret that is a new one.
	rename(t, s.accounts, "b.yaml",
		strings.Replace(string(shopB), "secretEnv: SHOP_B_SECRET", "secretFile: b.secret", 1))
	p.says(`accounts in \S+: b.yaml:4: secretFile: the file that it names`)
	rename(t, s.accounts, "b.secret", secretMark+"OfShopB")
	const both = `msg="accounts and templates reloaded" accounts=2 templates=2`
	p.says(both)
	rename(t, s.templates, "y.yaml", templateOf("y", "shopB"))
	eventually(t, "y is shopB's again", func() bool { return p.count(both) == 2 })
	s.insert(3, "y")
	s.await(person(3), "success")
	for n, want := range map[int]string{1: "wxb", 2: fakewechat.DefaultAppID, 3: "wxb"} {
		if diff := cmp.Diff([]string{want}, s.sentBy(n)); diff != "" {
			t.Errorf("message %d (-want +got):\n%s", n, diff)
		}
	}
	s.exactlyOnce(0)
}
