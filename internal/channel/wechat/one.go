package wechat

import (
	"context"
	"sync/atomic"

	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// OneAccount makes an outbox.Sender of it.
func (s *Sender) OneAccount() *OneAccount { return &OneAccount{Sender: s} }

// OneAccount sends by one mini-program whatever the catalogue holds.
type OneAccount struct {
	*Sender
	last atomic.Pointer[accountOf]
}

// accountOf is the account that sends a catalogue.
type accountOf struct {
	catalogue *templates.Catalogue
	accounts  []outbox.Account
}

func (s *OneAccount) Accounts() []outbox.Account {
	c, last := s.templates(), s.last.Load()
	if last == nil || last.catalogue != c {
		last = &accountOf{c, []outbox.Account{{Name: "default", Templates: c.Names(), OnePersonAtATime: true}}}
		s.last.Store(last)
	}
	return last.accounts
}

func (s *OneAccount) Ready(ctx context.Context, _ string) outbox.Verdict { return s.Sender.Ready(ctx) }
