package account

import (
	"cmp"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/templates"
)

// WeChat is the channel of the account of SUBMSG_WECHAT_*.
const WeChat = "wechat"

// channels are all that there are. What a channel is told, and has to do, stands in package channel.
var channels = map[string]channel.Channel{
	WeChat: wechat.Channel,
}

// Options are what all accounts are opened with.
type Options struct {
	AllowHTTP bool                        // an http URL may lead to another machine
	Timeout   time.Duration               // of one request; 0: the channel's own
	Senders   int                         // sends at once, of an account that says no number
	Refreshed func(ok bool)               // is told of each answer to a question for a token; nil: nobody is
	Templates func() *templates.Catalogue // as they are now
	Log       *logrus.Entry
}

// Open returns what sends for an account. It asks the channel nothing yet.
func Open(a Account, o Options) (channel.Sender, error) {
	return channels[a.Channel].Open(channel.Account{AppID: a.AppID, Secret: a.Secret, Reread: a.Reread(), URL: a.URL,
		AllowHTTP: o.AllowHTTP, Timeout: o.Timeout, Conns: cmp.Or(a.Senders, o.Senders), Templates: o.Templates,
		Refreshed: o.Refreshed, Log: o.Log.WithField("account", a.Name)})
}
