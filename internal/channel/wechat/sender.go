package wechat

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

const sendPath = "/cgi-bin/message/subscribe/send"

// Sender sends subscribe messages of one mini-program. It is safe for concurrent use.
type Sender struct {
	sendURL   string // up to the token
	listURL   string // likewise
	wire      *wire.Client
	account   *weixin.Account
	templates func() *templates.Catalogue
	log       *logrus.Entry
}

// New checks the configuration; it asks WeChat nothing yet. The error names everything that is wrong.
func New(cfg Config) (*Sender, error) {
	cfg, wrong := cfg.checked()
	client := wire.New(cfg.Timeout, cfg.Conns)
	a, err := weixin.Open(weixin.Config{
		BaseURL: cfg.BaseURL, AppID: cfg.AppID, Secret: cfg.Secret, Reread: cfg.Reread, AllowHTTP: cfg.AllowHTTP,
		Wire: client, Log: cfg.Log, Refreshed: cfg.Refreshed,
	})
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	return &Sender{
		sendURL:   a.URL(sendPath),
		listURL:   a.URL(listPath),
		wire:      client,
		account:   a,
		templates: cfg.Templates,
		log:       cfg.Log,
	}, nil
}

// Ready is Accepted when a token is at hand. Otherwise it is Later (the token
// endpoint can't be reached) or Halt (it refuses), with what to do in its Text.
func (s *Sender) Ready(ctx context.Context) outbox.Verdict {
	value, trouble := s.account.Token(ctx)
	if value == "" {
		return trouble
	}
	return outbox.Verdict{Outcome: outbox.Accepted}
}

// Send sends one message. It takes at most the context's time, and three times Config.Timeout: two sends with a
// refreshed token between them.
func (s *Sender) Send(ctx context.Context, c outbox.Claimed) outbox.Verdict {
	began := time.Now()
	v := s.send(ctx, c)
	if s.log.Logger.IsLevelEnabled(logrus.DebugLevel) {
		fields := logrus.Fields{"id": c.ID, "outcome": v.Outcome, "text": v.Text, "took": time.Since(began)}
		if v.Code != nil {
			fields["errcode"] = *v.Code
		}
		s.log.WithFields(fields).Debug("sent")
	}
	return v
}

// Close gives up the refresh under way and the connections. Sends must have returned.
func (s *Sender) Close() {
	s.account.Close()
	s.wire.Close()
}

func (s *Sender) send(ctx context.Context, c outbox.Claimed) outbox.Verdict {
	catalogue := s.templates()
	t, ok := catalogue.Find(c.TemplateID)
	if !ok {
		v := templateMissing.verdict(weixin.Shorten(c.TemplateID, 64) + "；已有模板：" + namesOf(catalogue))
		v.Misfit = true
		return v
	}
	p, err := t.Render(c.Params, c.Page)
	if err != nil {
		v := templateMismatch.verdict(err.Error())
		v.Misfit = len(c.Params) != len(t.Params)
		return v
	}
	m := rendered{claimed: c, template: t, payload: p}
	return s.deliver(ctx, m, appendRequest(make([]byte, 0, usualRequest), c.OpenID, p))
}

// deliver posts a message; if its token is rejected, once more with another. A rejected token is WeChat's word that
// nothing was taken, so that this can't send twice.
func (s *Sender) deliver(ctx context.Context, m rendered, body []byte) outbox.Verdict {
	for try := 1; ; try++ {
		value, trouble := s.account.Token(ctx)
		if value == "" {
			return waitForToken(ctx, trouble)
		}
		r := s.wire.Post(ctx, s.sendURL+url.QueryEscape(value), body)
		v, rejected := m.judge(r, func(words string) string { return s.account.Hide(words, m.hidden(value)...) })
		if !rejected {
			if v.Code != nil {
				s.account.Accept(value)
			}
			return v
		}
		s.account.Reject(value)
		if try == 2 {
			return v
		}
	}
}

// waitForToken turns the trouble with tokens into the verdict on a message: it is not the message's fault, so that it
// costs no attempt. A context that ended says nothing about tokens.
func waitForToken(ctx context.Context, trouble outbox.Verdict) outbox.Verdict {
	if ctx.Err() == nil {
		trouble.Outcome, trouble.After, trouble.Stops = outbox.Halt, 0, []string{outbox.WholeAccount}
	}
	return trouble
}

// namesOf lists a catalogue's templates, so that a misspelt name is seen at once.
func namesOf(c *templates.Catalogue) string {
	const most = 8
	var names []string
	for _, t := range c.All() {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, t.Name)
	}
	return strings.Join(names, "、")
}
