// Package settings holds what several commands are told in the same words: where the database is, which WeChat account
// sends, where the templates are, what is logged. Each is a struct of flags and environment variables that a command
// embeds, with what it takes to check and use them. It knows no command. Begin with Database.
package settings

import (
	"cmp"
	"io/fs"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/templates"
)

// Log says what goes to standard error.
type Log struct {
	Level  string `name:"log-level" env:"SUBMSG_LOG_LEVEL" default:"info" enum:"error,warn,info,debug" help:"Least level logged: ${enum}."`
	Format string `name:"log-format" env:"SUBMSG_LOG_FORMAT" default:"text" enum:"text,json" help:"Format of the log: ${enum}."`
}

// Logger writes to the terminal's standard error.
func (s Log) Logger(term terminal.Terminal) *logrus.Entry {
	log := logrus.New()
	log.SetOutput(term.Err)
	level, err := logrus.ParseLevel(s.Level)
	if err != nil {
		level = logrus.InfoLevel
	}
	log.SetLevel(level)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: "2006-01-02 15:04:05.000"})
	if s.Format == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	}
	return logrus.NewEntry(log)
}

// Output lets a program read what a command prints.
type Output struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Templates says which templates there are.
type Templates struct {
	Dir string `name:"templates" env:"SUBMSG_TEMPLATES" type:"path" placeholder:"DIR" help:"Folder of template files, instead of the shipped ones."`
}

// Files is the folder, or the shipped templates.
func (s Templates) Files() fs.FS {
	if s.Dir == "" {
		return templates.FS
	}
	return templates.Folder(s.Dir)
}

// Load reads the templates once.
func (s Templates) Load() (*templates.Catalogue, error) {
	catalogue, err := templates.Load(s.Files())
	if err != nil {
		return nil, s.Mistake(err)
	}
	return catalogue, nil
}

// Mistake is an error of the template files, which knows them only from inside their folder.
func (s Templates) Mistake(err error) error {
	return terminal.BadUsage("templates in %s: %w", cmp.Or(s.Dir, "this submsg"), err)
}

// FakeAppID and FakeSecret are the account that `submsg fakewechat` knows where nobody says otherwise.
const (
	FakeAppID  = "wxfake0000000000"
	FakeSecret = "fakesecret0000000000000000000000"
)

// WeChat says which account sends.
type WeChat struct {
	AppID      string `name:"wechat-appid" env:"SUBMSG_WECHAT_APPID" placeholder:"wx…" help:"The mini-program's AppID."`
	Secret     string `name:"wechat-secret" env:"SUBMSG_WECHAT_SECRET" placeholder:"…" help:"Its AppSecret; a file keeps it out of process lists."`
	SecretFile string `name:"wechat-secret-file" env:"SUBMSG_WECHAT_SECRET_FILE" type:"path" placeholder:"FILE" help:"File that holds the AppSecret."`
	WeChatURL  string `name:"wechat-url" env:"SUBMSG_WECHAT_URL" default:"https://api.weixin.qq.com" help:"Where WeChat's interface is."`
	AllowHTTP  bool   `name:"wechat-allow-http" env:"SUBMSG_WECHAT_ALLOW_HTTP" help:"Let an http:// URL lead to another machine: for a stand-in on a network that is yours alone, because AppSecret and messages can be read there."`
	FakeURL    string `name:"fake-url" env:"SUBMSG_FAKE_URL" placeholder:"URL" help:"A submsg fakewechat that stands in as long as no AppID is set; docker-compose.yml uses it."`
}

// RereadSecret returns what reads the file of the secret again, so that a new one needs no restart; nil: there is no
// file.
func (s WeChat) RereadSecret() func() (wechat.Secret, error) {
	if s.SecretFile == "" {
		return nil
	}
	return func() (wechat.Secret, error) {
		text, err := readSecret(s.SecretFile)
		return wechat.Secret(text), err
	}
}

// Account is the settings checked: URL, AppID and secret, or one line that says what is missing.
func (s WeChat) Account(log *logrus.Entry) (url, appID string, secret wechat.Secret, err error) {
	if s.AppID == "" && s.FakeURL != "" {
		// The URL isn't said: it isn't checked yet, and may hold what belongs to another setting.
		log.Warn("no WeChat account is set: sending to the fake WeChat of SUBMSG_FAKE_URL, no user gets anything")
		return s.FakeURL, FakeAppID, FakeSecret, nil
	}
	if s.Secret != "" && s.SecretFile != "" {
		return "", "", "", terminal.BadUsage("set SUBMSG_WECHAT_SECRET or SUBMSG_WECHAT_SECRET_FILE, not both")
	}
	if s.SecretFile != "" {
		if s.Secret, err = readSecret(s.SecretFile); err != nil {
			return "", "", "", terminal.BadUsage("SUBMSG_WECHAT_SECRET_FILE: %w", err)
		}
	}
	switch {
	case s.AppID == "" && s.Secret == "":
		return "", "", "", terminal.BadUsage("no WeChat account: set SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET " +
			"(or SUBMSG_WECHAT_SECRET_FILE); to try without one, `submsg demo`")
	case s.AppID == "":
		return "", "", "", terminal.BadUsage("no AppID: set SUBMSG_WECHAT_APPID to the mini-program's, wx…")
	case s.Secret == "":
		return "", "", "", terminal.BadUsage("no AppSecret: set SUBMSG_WECHAT_SECRET or SUBMSG_WECHAT_SECRET_FILE")
	}
	return s.WeChatURL, s.AppID, wechat.Secret(s.Secret), nil
}
