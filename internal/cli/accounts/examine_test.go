package accounts

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/doctor"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/outbox"
)

func TestJudge(t *testing.T) {
	refused := func(code int32, text string) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Halt, Code: &code, Text: text}
	}
	for _, tt := range []struct {
		name     string
		settings settings.WeChat
		verdict  outbox.Verdict
		remedy   string
		level    doctor.Level
	}{
		{"fine", settings.WeChat{AppID: "wx1"}, outbox.Verdict{Outcome: outbox.Accepted}, "", doctor.OK},
		{"the fake", settings.WeChat{FakeURL: "http://fake"}, outbox.Verdict{Outcome: outbox.Accepted}, "set SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET", doctor.Warn},
		{"an address", settings.WeChat{AppID: "wx1"}, refused(40164, "x (40164 invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist)"), "enter 203.0.113.7 in the IP allow list at mp.weixin.qq.com", doctor.Fail},
		{"an address of six", settings.WeChat{AppID: "wx1"}, refused(40164, "x (40164 invalid ip 2001:db8::7, not in whitelist)"), "enter 2001:db8::7 in the IP allow list at mp.weixin.qq.com", doctor.Fail},
		{"no address", settings.WeChat{AppID: "wx1"}, refused(40164, "x"), "enter this machine's public address in the IP allow list at mp.weixin.qq.com", doctor.Fail},
		{"a wrong secret", settings.WeChat{AppID: "wx1"}, refused(40125, "AppSecret 不正确"), "", doctor.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(&account.Account{Name: account.Default}, tt.settings, tt.verdict)
			if got.Level != tt.level || got.Remedy != tt.remedy || tt.level == doctor.Fail &&
				got.Says != tt.verdict.Text {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Each account is asked for itself, and the findings stand in their order.
func TestExamine(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fakewechat.NewPlatform(fakewechat.Options{}, map[string]string{"wxb": "secretb"}))
	defer server.Close()
	of := func(name, appID string, secret channel.Secret, url string) *account.Account {
		a := account.OfWeChat(appID, secret, url)
		a.Name, a.File = name, name+".yaml"
		return a
	}
	findings := Examine(t.Context(), []*account.Account{
		of("right", "wxb", "secretb", server.URL),
		of("wrong", fakewechat.DefaultAppID, "secretb", server.URL),
		of("nowhere", "wxb", "secretb", "http://127.0.0.1:1"),
		of("elsewhere", "wxb", "secretb", "http://example.com"),
	}, settings.WeChat{})
	wants := []struct {
		name, says string
		level      doctor.Level
	}{
		{"right", "its credentials are right", doctor.OK},
		{"wrong", "40125", doctor.Fail},
		{"nowhere", "connection refused", doctor.Fail},
		{"elsewhere", "account elsewhere, of elsewhere.yaml: the WeChat URL is http:// to another machine", doctor.Fail},
	}
	for i, want := range wants {
		if f := findings[i]; f.Check != want.name || f.Level != want.level || !strings.Contains(f.Says, want.says) {
			t.Errorf("%s: %+v", want.name, f)
		}
	}
}
