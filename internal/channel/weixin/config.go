package weixin

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/channel/wire"
)

const defaultBaseURL = "https://api.weixin.qq.com"

// Config says which account it is, and how WeChat is reached.
type Config struct {
	BaseURL   string // absolute http or https URL without query; "" = https://api.weixin.qq.com
	AllowHTTP bool   // an http URL may lead to another machine: whoever is between reads secret and tokens
	AppID     string // wx…
	Secret    Secret // the AppSecret

	// Reread reads the AppSecret again, where it may be changed while submsg runs; nil: it may not.
	Reread func() (Secret, error)

	Wire *wire.Client // asks for access tokens; the caller closes it after the account
	Log  *logrus.Entry

	// Refreshed is told of each answer of the token endpoint: whether it was a token that can be used. nil: nobody is.
	Refreshed func(ok bool)
}

// Secret is a string that no way of printing shows.
type Secret = channel.Secret

// masked stands where others' words repeated a secret.
const masked = "***"

// checked returns the configuration with its defaults filled in, or everything that is wrong with it.
func (c Config) checked() (Config, error) {
	if c.BaseURL == "" {
		c.BaseURL = defaultBaseURL
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Refreshed == nil {
		c.Refreshed = func(bool) {}
	}
	err := errors.Join(checkBaseURL(c.BaseURL, c.AllowHTTP), checkWord("appid", c.AppID),
		checkWord(words["secret"], string(c.Secret)))
	if c.Log == nil {
		err = errors.Join(err, errors.New("no log given"))
	}
	return c, err
}

// words are what WeChat calls what an account's file has under a key.
var words = map[string]string{"appid": "appid", "secret": "appsecret"}

// Check tells what is wrong with an account's url, appid or secret. It never repeats the value.
func Check(key, value string, allowHTTP bool) error {
	if key == "url" {
		return checkBaseURL(strings.TrimRight(value, "/"), allowHTTP)
	}
	return checkWord(words[key], value)
}

// checkWord refuses what a copied credential picks up on its way. It never repeats the value.
func checkWord(what, value string) error {
	if value == "" {
		return fmt.Errorf("the WeChat %s is empty", what)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("the WeChat %s holds a space, a line break or a character that is not printable ASCII", what)
	}
	return nil
}

// checkBaseURL does not wrap url.Parse's error: it repeats the URL, which may hold a password.
func checkBaseURL(base string, allowHTTP bool) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return errors.New("the WeChat URL can't be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return errors.New("the WeChat URL must be absolute, http://… or https://…")
	case u.User != nil:
		return errors.New("the WeChat URL must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("the WeChat URL must end with its path: no ? and no #")
	case u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()):
		return errors.New("the WeChat URL is http:// to another machine, so that everybody between could read the " +
			"AppSecret and the messages: make it https://, or set SUBMSG_WECHAT_ALLOW_HTTP=true where the network " +
			"between is yours alone")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
