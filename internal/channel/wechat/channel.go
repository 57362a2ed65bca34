package wechat

import (
	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/channel/weixin"
)

// Channel is a mini-program's subscribe messages, as accounts are told of them.
var Channel = channel.Channel{
	Needs:            []string{"appid", "secret"},
	OnePersonAtATime: true, // 43108
	Check:            weixin.Check,
	Keys:             fields.Keys,
	Open: func(a channel.Account) (channel.Sender, error) {
		return New(Config{BaseURL: a.URL, AppID: a.AppID, Secret: a.Secret, Reread: a.Reread, AllowHTTP: a.AllowHTTP,
			Timeout: a.Timeout, Conns: a.Conns, Templates: a.Templates, Log: a.Log, Refreshed: a.Refreshed})
	},
}

var _ channel.Lister = (*Sender)(nil)
