package accounts

import (
	"testing"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/doctor"
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
