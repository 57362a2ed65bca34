// Package fakewechat is the work of `submsg fakewechat`: it listens where it is told to, and answers as the WeChat of
// internal/lab/fakewechat does. It knows nothing of what a WeChat answers. Begin with Command.
package fakewechat

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/httpserver"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/templates"
)

// Command is `submsg fakewechat`.
type Command struct {
	settings.Templates
	Addr     string            `env:"SUBMSG_FAKE_ADDR" default:"127.0.0.1:8788" help:"Where to listen."`
	Hosts    []string          `env:"SUBMSG_FAKE_HOSTS" placeholder:"NAME,…" help:"Host names that requests may call it by, beside IP addresses, localhost and the host of --addr."`
	AppID    string            `name:"appid" default:"${fake_appid}" help:"The AppID that it knows."`
	Secret   string            `default:"${fake_secret}" help:"Its AppSecret."`
	Account  map[string]string `placeholder:"APPID=SECRET" help:"An account more; may be given several times."`
	Latency  time.Duration     `help:"How long each send takes."`
	GrantAll bool              `help:"Everybody has endless permission for every template."`
	Quiet    bool              `help:"Don't print a line a send."`
}

const (
	mostConns = 10000           // as many as serve may have senders
	within    = 5 * time.Minute // longer than any client waits: it may have been told to be slow
)

// Run prints its address, and answers until ctx ends.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) error {
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	options := fakewechat.Options{AppID: c.AppID, Secret: c.Secret, Latency: c.Latency, GrantAll: c.GrantAll,
		Templates: func() *templates.Catalogue { return catalogue }}
	if !c.Quiet {
		options.Log = func(line string) { term.Err.Line("%s", line) }
	}
	server, err := httpserver.Listen(httpserver.Config{Addr: c.Addr, Hosts: c.Hosts,
		Pages: fakewechat.NewPlatform(options, c.Account), Conns: mostConns, Within: within,
		Log: func(line string) { term.Tell("%s", line) }})
	if err != nil {
		return fmt.Errorf("SUBMSG_FAKE_ADDR %s: %w", c.Addr, err)
	}
	url := "http://" + server.Addr()
	term.Out.Line("%s", url)
	more := ""
	if len(c.Account) > 0 {
		more = " and of " + strings.Join(slices.Sorted(maps.Keys(c.Account)), ", ")
	}
	term.Err.Line("A fake WeChat for SUBMSG_WECHAT_URL=%s SUBMSG_WECHAT_APPID=%s%s with %d templates. Nobody "+
		"has permission yet%s", url, c.AppID, more, len(catalogue.All()),
		map[bool]string{true: " - but everybody by --grant-all.",
			false: fmt.Sprintf(": curl -d '{\"openid\":\"*\",\"templateId\":\"*\",\"count\":-1}' %s/_fake/grants",
				url)}[c.GrantAll])
	return server.Run(ctx)
}
