package accounts

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/doctor"
	"github.com/submsg/submsg/outbox"
)

const (
	// examineWithin bounds what one account may take to answer.
	examineWithin = 10 * time.Second
	// examineAtOnce is how many are asked at once.
	examineAtOnce = 16
)

// notAllowed is WeChat's errcode for an address that isn't on the account's list.
const notAllowed = 40164

// Silent is the log of what says in its answer what is wrong.
func Silent() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

// Open returns what sends for an account, and logs nothing: what is wrong with a call is in its answer.
func Open(a *account.Account, allowHTTP bool) (channel.Sender, error) {
	sender, err := account.Open(*a, account.Options{AllowHTTP: allowHTTP, Templates: fields.Shipped,
		Log: Silent()})
	if err != nil {
		return nil, fmt.Errorf("account %s, of %s: %w", a.Name, a.Where(), err)
	}
	return sender, nil
}

// Examine asks each account for what every send needs, and finds out what a person has to do. A finding's Check is the
// account's name.
func Examine(ctx context.Context, list []*account.Account, s settings.WeChat) []doctor.Finding {
	findings := make([]doctor.Finding, len(list))
	var group errgroup.Group
	group.SetLimit(examineAtOnce)
	for i, a := range list {
		group.Go(func() error {
			findings[i] = judge(a, s, ready(ctx, a, s.AllowHTTP))
			findings[i].Check = a.Name
			return nil
		})
	}
	_ = group.Wait() // what went wrong is in the findings
	return findings
}

// ready is what the account says to the question whether its messages may go.
func ready(ctx context.Context, a *account.Account, allowHTTP bool) outbox.Verdict {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	sender, err := Open(a, allowHTTP)
	if err != nil {
		return outbox.Verdict{Outcome: outbox.Halt, Text: err.Error()}
	}
	defer sender.Close()
	return sender.Ready(ctx)
}

func judge(a *account.Account, s settings.WeChat, v outbox.Verdict) doctor.Finding {
	switch {
	case v.Outcome != outbox.Accepted && v.Code != nil && *v.Code == notAllowed:
		return doctor.Finding{Level: doctor.Fail, Says: v.Text,
			Remedy: fmt.Sprintf("enter %s in the IP allow list at mp.weixin.qq.com", addressIn(v.Text))}
	case v.Outcome != outbox.Accepted:
		return doctor.Finding{Level: doctor.Fail, Says: v.Text}
	case a.File == "" && s.AppID == "":
		return doctor.Finding{Level: doctor.Warn, Says: "given by the fake WeChat, no user gets anything",
			Remedy: "set SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET"}
	}
	return doctor.Fine("its credentials are right, and this address may use them")
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
