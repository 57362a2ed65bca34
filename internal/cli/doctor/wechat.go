package doctor

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/doctor"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// remoteChecks are those of the templates and of WeChat.
type remoteChecks struct {
	wechat    settings.WeChat
	templates settings.Templates

	catalogue *templates.Catalogue
	sender    *wechat.Sender
}

func (r *remoteChecks) checks() []doctor.Check {
	return []doctor.Check{
		look("templates", nil, r.examineTemplates),
		look("token", nil, r.examineToken),
		look("account", []string{"templates", "token"}, r.examineAccount),
	}
}

func (r *remoteChecks) close() {
	if r.sender != nil {
		r.sender.Close()
	}
}

func (r *remoteChecks) examineTemplates(context.Context) (f doctor.Finding, err error) {
	if r.catalogue, err = r.templates.Load(); err != nil {
		return doctor.Finding{Level: doctor.Fail, Says: err.Error(),
			Remedy: "mend the files, then submsg templates check"}, nil
	}
	return doctor.Fine("%d, no mistakes", len(r.catalogue.All())), nil
}

// notAllowed is WeChat's errcode for an address that isn't on the account's list.
const notAllowed = 40164

func (r *remoteChecks) examineToken(ctx context.Context) (doctor.Finding, error) {
	s := r.wechat
	if fake := s.AppID == "" && s.FakeURL != ""; !fake && (s.AppID == "" || s.Secret == "" && s.SecretFile == "") {
		return doctor.NotNow("no WeChat account is set: SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET, or " +
			"SUBMSG_WECHAT_SECRET_FILE"), nil
	}
	silent := logrus.New()
	silent.SetOutput(io.Discard) // what is wrong is the finding
	log := logrus.NewEntry(silent)
	url, appID, secret, err := s.Account(log)
	if err != nil {
		return doctor.Finding{}, err
	}
	r.sender, err = wechat.New(wechat.Config{BaseURL: url, AppID: appID, Secret: secret, AllowHTTP: s.AllowHTTP,
		Templates: templates.Shipped, Log: log})
	if err != nil {
		return doctor.Finding{}, err
	}
	return judgeToken(s, r.sender.Ready(ctx)), nil
}

func judgeToken(s settings.WeChat, v outbox.Verdict) doctor.Finding {
	switch {
	case v.Outcome != outbox.Accepted && v.Code != nil && *v.Code == notAllowed:
		return doctor.Finding{Level: doctor.Fail, Says: v.Text,
			Remedy: fmt.Sprintf("enter %s in the IP allow list at mp.weixin.qq.com", addressIn(v.Text))}
	case v.Outcome != outbox.Accepted:
		return doctor.Finding{Level: doctor.Fail, Says: v.Text}
	case s.AppID == "":
		return doctor.Finding{Level: doctor.Warn, Says: "given by the fake WeChat, no user gets anything",
			Remedy: "set SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET"}
	}
	return doctor.Fine("WeChat gives one, so this address is on its allow list")
}

// addressIn is the address that WeChat has seen: "40164 invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in
// whitelist".
func addressIn(text string) string {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" ,()", r) }) {
		if a, err := netip.ParseAddr(word); err == nil {
			return a.Unmap().String()
		}
	}
	return "this machine's public address"
}
