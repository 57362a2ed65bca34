package settings

import (
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/cli/terminal"
)

// FakeAppID and FakeSecret are the account that `submsg fakewechat` knows where nobody says otherwise.
const (
	FakeAppID  = "wxfake0000000000"
	FakeSecret = "fakesecret0000000000000000000000"
)

// WeChat says which account sends where there is no other.
type WeChat struct {
	AppID      string `name:"wechat-appid" env:"SUBMSG_WECHAT_APPID" placeholder:"wx…" help:"The mini-program's AppID."`
	Secret     string `name:"wechat-secret" env:"SUBMSG_WECHAT_SECRET" placeholder:"…" help:"Its AppSecret; a file keeps it out of process lists."`
	SecretFile string `name:"wechat-secret-file" env:"SUBMSG_WECHAT_SECRET_FILE" type:"path" placeholder:"FILE" help:"File that holds the AppSecret."`
	WeChatURL  string `name:"wechat-url" env:"SUBMSG_WECHAT_URL" default:"https://api.weixin.qq.com" help:"Where WeChat's interface is."`
	AllowHTTP  bool   `name:"wechat-allow-http" env:"SUBMSG_WECHAT_ALLOW_HTTP" help:"Let an http:// URL lead to another machine: for a stand-in on a network that is yours alone, because AppSecret and messages can be read there."`
	FakeURL    string `name:"fake-url" env:"SUBMSG_FAKE_URL" placeholder:"URL" help:"A submsg fakewechat that stands in as long as no account is set; docker-compose.yml uses it."`
}

// Accounts says which accounts there are.
type Accounts struct {
	WeChat
	Folder         string `name:"accounts" env:"SUBMSG_ACCOUNTS" type:"path" placeholder:"DIR" help:"Folder of account files, beside or instead of SUBMSG_WECHAT_APPID."`
	SecretsInFiles bool   `name:"secrets-in-files" env:"SUBMSG_SECRETS_IN_FILES" help:"Let an account's file hold its secret although others may read it."`
}

// None tells that no account is set at all.
func (s Accounts) None() bool {
	return s.Folder == "" && s.FakeURL == "" && (s.AppID == "" || s.Secret == "" && s.SecretFile == "")
}

// Source is the settings checked: where the accounts come from, or one line that says what is missing.
func (s Accounts) Source(log *logrus.Entry) (account.Source, error) {
	source := account.Source{Dir: s.Folder, URL: s.WeChatURL, AllowHTTP: s.AllowHTTP, SecretsInFiles: s.SecretsInFiles}
	if s.Folder != "" && s.AppID == "" && s.Secret == "" && s.SecretFile == "" {
		return source, nil
	}
	var err error
	source.Default, err = s.Account(log)
	return source, err
}

// Load reads the accounts.
func (s Accounts) Load(log *logrus.Entry) ([]*account.Account, error) {
	source, err := s.Source(log)
	if err != nil {
		return nil, err
	}
	list, err := source.Load()
	if err != nil {
		return nil, terminal.UsageError{Err: err}
	}
	return list, nil
}

// Live reads the accounts and the templates that they send.
func (s Accounts) Live(t Templates, log *logrus.Entry) (*account.Live, error) {
	source, err := s.Source(log)
	if err != nil {
		return nil, err
	}
	live, err := account.NewLive(source, t.Dir)
	if err != nil {
		return nil, terminal.UsageError{Err: err}
	}
	return live, nil
}

// Account is that of the settings, or one line that says what is missing.
func (s WeChat) Account(log *logrus.Entry) (*account.Account, error) {
	if s.AppID == "" && s.FakeURL != "" {
		// The URL isn't said: it isn't checked yet, and may hold what belongs to another setting.
		log.Warn("no WeChat account is set: sending to the fake WeChat of SUBMSG_FAKE_URL, no user gets anything")
		return account.OfWeChat(FakeAppID, FakeSecret, s.FakeURL), nil
	}
	if s.Secret != "" && s.SecretFile != "" {
		return nil, terminal.BadUsage("set SUBMSG_WECHAT_SECRET or SUBMSG_WECHAT_SECRET_FILE, not both")
	}
	a := account.OfWeChat(s.AppID, channel.Secret(s.Secret), s.WeChatURL)
	if a.SecretFile = s.SecretFile; a.SecretFile != "" {
		var err error
		if a.Secret, err = account.ReadSecret(s.SecretFile); err != nil {
			return nil, terminal.BadUsage("SUBMSG_WECHAT_SECRET_FILE: %s: %w", s.SecretFile, err)
		}
	}
	switch {
	case a.AppID == "" && a.Secret == "":
		return nil, terminal.BadUsage("no WeChat account: set SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET " +
			"(or SUBMSG_WECHAT_SECRET_FILE), or SUBMSG_ACCOUNTS; to try without one, `submsg demo`")
	case a.AppID == "":
		return nil, terminal.BadUsage("no AppID: set SUBMSG_WECHAT_APPID to the mini-program's, wx…")
	case a.Secret == "":
		return nil, terminal.BadUsage("no AppSecret: set SUBMSG_WECHAT_SECRET or SUBMSG_WECHAT_SECRET_FILE")
	}
	return a, nil
}
