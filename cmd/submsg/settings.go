package main

import (
	"cmp"
	"io/fs"
	"os"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/templates"
)

// logSettings say what goes to standard error.
type logSettings struct {
	Level  string `name:"log-level" env:"SUBMSG_LOG_LEVEL" default:"info" enum:"error,warn,info,debug" help:"Least level logged: ${enum}."`
	Format string `name:"log-format" env:"SUBMSG_LOG_FORMAT" default:"text" enum:"text,json" help:"Format of the log: ${enum}."`
}

func (s logSettings) logger(term terminal) *logrus.Entry {
	log := logrus.New()
	log.SetOutput(term.err)
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

// templateSettings say which templates there are.
type templateSettings struct {
	Templates string `env:"SUBMSG_TEMPLATES" type:"path" placeholder:"DIR" help:"Folder of template files, instead of the shipped ones."`
}

func (s templateSettings) files() fs.FS {
	if s.Templates == "" {
		return templates.FS
	}
	return os.DirFS(s.Templates)
}

// load reads the templates once.
func (s templateSettings) load() (*templates.Catalogue, error) {
	catalogue, err := templates.Load(s.files())
	if err != nil {
		return nil, s.mistake(err)
	}
	return catalogue, nil
}

// mistake is an error of the template files, which knows them only from inside their folder.
func (s templateSettings) mistake(err error) error {
	return badUsage("templates in %s: %w", cmp.Or(s.Templates, "this submsg"), err)
}

// wechatSettings say which account sends.
type wechatSettings struct {
	AppID      string `name:"wechat-appid" env:"SUBMSG_WECHAT_APPID" placeholder:"wx…" help:"The mini-program's AppID."`
	Secret     string `name:"wechat-secret" env:"SUBMSG_WECHAT_SECRET" placeholder:"…" help:"Its AppSecret; a file keeps it out of process lists."`
	SecretFile string `name:"wechat-secret-file" env:"SUBMSG_WECHAT_SECRET_FILE" type:"path" placeholder:"FILE" help:"File that holds the AppSecret."`
	URL        string `name:"wechat-url" env:"SUBMSG_WECHAT_URL" default:"https://api.weixin.qq.com" help:"Where WeChat's interface is."`
	FakeURL    string `name:"fake-url" env:"SUBMSG_FAKE_URL" placeholder:"URL" help:"A submsg fakewechat that stands in as long as no AppID is set; docker-compose.yml uses it."`
}

// account is the settings checked: URL, AppID and secret, or one line that says what is missing.
func (s wechatSettings) account(log *logrus.Entry) (url, appID string, secret wechat.Secret, err error) {
	if s.AppID == "" && s.FakeURL != "" {
		log.Warnf("no WeChat account is set: sending to the fake WeChat at %s, no user gets anything", s.FakeURL)
		return s.FakeURL, fakewechat.DefaultAppID, fakewechat.DefaultSecret, nil
	}
	if s.Secret != "" && s.SecretFile != "" {
		return "", "", "", badUsage("set SUBMSG_WECHAT_SECRET or SUBMSG_WECHAT_SECRET_FILE, not both")
	}
	if s.SecretFile != "" {
		text, err := os.ReadFile(s.SecretFile)
		if err != nil {
			return "", "", "", badUsage("SUBMSG_WECHAT_SECRET_FILE: %w", err)
		}
		s.Secret = strings.TrimSpace(string(text))
	}
	switch {
	case s.AppID == "" && s.Secret == "":
		return "", "", "", badUsage("no WeChat account: set SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET (or SUBMSG_WECHAT_SECRET_FILE); to try without one, `submsg demo`")
	case s.AppID == "":
		return "", "", "", badUsage("no AppID: set SUBMSG_WECHAT_APPID to the mini-program's, wx…")
	case s.Secret == "":
		return "", "", "", badUsage("no AppSecret: set SUBMSG_WECHAT_SECRET or SUBMSG_WECHAT_SECRET_FILE")
	}
	return s.URL, s.AppID, wechat.Secret(s.Secret), nil
}
