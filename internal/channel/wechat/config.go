package wechat

import (
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/templates"
)

const defaultTimeout = 10 * time.Second

// Config says which account sends, and how.
type Config struct {
	BaseURL   string                      // absolute http or https URL without query; "" = https://api.weixin.qq.com
	AppID     string                      // the mini-program's AppID, wx…
	Secret    Secret                      // its AppSecret
	Reread    func() (Secret, error)      // the AppSecret again, which may have been changed; nil: it can't be
	AllowHTTP bool                        // an http URL may lead to another machine
	Timeout   time.Duration               // of one request, answer included; 0 = 10s
	Conns     int                         // connections kept open, the number of senders; 0 = 1
	Templates func() *templates.Catalogue // asked once a send, so that a reload takes effect
	Log       *logrus.Entry

	// Refreshed is told of each answer of the token endpoint: whether it was a token that can be used. nil: nobody is.
	Refreshed func(ok bool)
}

// Secret is a string that no way of printing shows.
type Secret = weixin.Secret

// checked returns the configuration with its defaults filled in, or what is wrong with it apart from its account.
func (c Config) checked() (Config, error) {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	c.Conns = max(c.Conns, 1)
	var err error
	if c.Timeout < 0 {
		err = errors.New("the timeout of a WeChat request must be above 0")
	}
	if c.Templates == nil {
		err = errors.Join(err, errors.New("no templates given"))
	}
	return c, err
}
