package wechat

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

const sendPath = "/cgi-bin/message/subscribe/send?access_token="

// Sender sends subscribe messages of one mini-program. It is safe for concurrent use.
type Sender struct {
	url       string // up to the token
	listURL   string // likewise
	wire      *wire
	tokens    *tokens
	templates func() *templates.Catalogue
	hide      blackout
	log       *logrus.Entry
}

var _ outbox.Sender = (*Sender)(nil)

// New checks the configuration; it asks WeChat nothing yet. The error names everything that is wrong.
func New(cfg Config) (*Sender, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	hide := blackOut(string(cfg.Secret))
	w := newWire(cfg.Timeout, cfg.Conns)
	tokens := newTokens(stableToken(w, cfg, hide), cfg.Log)
	if cfg.Refreshed != nil {
		tokens.told = cfg.Refreshed
	}
	return &Sender{
		url:       cfg.BaseURL + sendPath,
		listURL:   cfg.BaseURL + listPath,
		wire:      w,
		tokens:    tokens,
		templates: cfg.Templates,
		hide:      hide,
		log:       cfg.Log,
	}, nil
}

// Ready is Accepted when a token is at hand. Otherwise it is Later (the token endpoint can't be reached) or Halt (it
// refuses), with what to do as its Text.
func (s *Sender) Ready(ctx context.Context) outbox.Verdict {
	value, trouble := s.tokens.get(ctx)
	if value == "" {
		return trouble
	}
	return outbox.Verdict{Outcome: outbox.Accepted}
}

// Send sends one message. It takes at most the context's time, and three times Config.Timeout: two
// sends with a refreshed token between them.
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
	s.tokens.close()
	s.wire.close()
}

func (s *Sender) send(ctx context.Context, c outbox.Claimed) outbox.Verdict {
	catalogue := s.templates()
	t, ok := catalogue.Find(c.TemplateID)
	if !ok {
		return noTemplate.verdict(shorten(c.TemplateID, 64) + "；已有模板：" + namesOf(catalogue))
	}
	p, err := t.Render(c.Params, c.Page)
	if err != nil {
		return unrendered.verdict(err.Error())
	}
	l := letter{claimed: c, template: t, payload: p}
	return s.deliver(ctx, l, appendRequest(make([]byte, 0, usualRequest), c.OpenID, p))
}

// deliver posts a letter; if its token is rejected, once more with another. A rejected token is WeChat's word that
// nothing was taken, so that this can't send twice.
func (s *Sender) deliver(ctx context.Context, l letter, body []byte) outbox.Verdict {
	for try := 1; ; try++ {
		value, trouble := s.tokens.get(ctx)
		if value == "" {
			return s.waitForToken(ctx, trouble)
		}
		r := s.wire.post(ctx, s.url+url.QueryEscape(value), body)
		v, rejected := l.judge(r, func(text string, more ...string) string {
			return s.hide(text, append(more, value, l.claimed.OpenID)...)
		})
		if !rejected {
			if v.Code != nil {
				s.tokens.accept(value)
			}
			return v
		}
		s.tokens.reject(value)
		if try == 2 {
			return v
		}
	}
}

// waitForToken turns the trouble with tokens into the verdict on a message: it is not the message's fault, so that it
// costs no attempt. A context that ended says nothing about tokens.
func (s *Sender) waitForToken(ctx context.Context, trouble outbox.Verdict) outbox.Verdict {
	if ctx.Err() == nil {
		trouble.Outcome, trouble.After, trouble.Stops = outbox.Halt, 0, []string{outbox.Account}
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

// blackout hides secrets in a text: its own, and more.
type blackout func(text string, more ...string) string

func blackOut(secret string) blackout {
	return func(text string, more ...string) string {
		for _, s := range append(more, secret) {
			if len(s) < 6 || len(s) > len(text) {
				continue // too short to be recognised among other words, or not in it
			}
			text = strings.ReplaceAll(text, s, masked)
			text = strings.ReplaceAll(text, url.QueryEscape(s), masked)
		}
		return text
	}
}
