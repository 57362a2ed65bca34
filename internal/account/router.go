package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// Router is one outbox.Sender over all accounts. It is safe for concurrent use.
type Router struct {
	options Options
	closing sync.WaitGroup // accounts that are not used any more

	mu            sync.RWMutex
	configuration *Configuration
	accounts      []outbox.Account   // those of the configuration
	open          map[string]*opened // by the account's name
}

var _ outbox.Sender = (*Router)(nil)

// opened is an account that is sent for.
type opened struct {
	channel.Sender
	account Account
	busy    sync.WaitGroup // calls of it
}

// NewRouter sends for the accounts of a configuration.
func NewRouter(c *Configuration, o Options) (*Router, error) {
	r := &Router{options: o}
	if err := r.Use(c); err != nil {
		return nil, err
	}
	return r, nil
}

// Single sends a catalogue by one account.
func Single(a *Account, c *templates.Catalogue, o Options) (*Router, error) {
	o.Templates = func() *templates.Catalogue { return c }
	configuration, err := Assign([]*Account{a}, c)
	if err != nil {
		return nil, err
	}
	return NewRouter(configuration, o)
}

// Use sends for the accounts of another configuration from now on. An account that is as it was keeps what it has, such
// as its token; one that is gone, or another now, ends when its last send has returned. On an error nothing changes.
func (r *Router) Use(c *Configuration) error {
	r.mu.RLock()
	last := r.open
	r.mu.RUnlock()
	next := map[string]*opened{}
	var told []outbox.Account
	var errs []error
	for _, a := range c.Accounts {
		told = append(told, outbox.Account{Name: a.Name, Templates: c.spellingsOf(a), Rate: a.Rate, Senders: a.Senders,
			OnePersonAtATime: a.OnePersonAtATime})
		if old := last[a.Name]; old != nil && old.account == *a {
			next[a.Name] = old
			continue
		}
		sender, err := Open(*a, r.options)
		if err != nil {
			errs = append(errs, fmt.Errorf("account %s, of %s: %w", a.Name, a.Where(), err))
			continue
		}
		next[a.Name] = &opened{Sender: sender, account: *a}
	}
	if len(errs) > 0 {
		r.retire(next, last)
		return errors.Join(errs...)
	}
	r.mu.Lock()
	r.configuration, r.accounts, r.open = c, told, next
	r.mu.Unlock()
	r.retire(last, next)
	return nil
}

// retire closes the accounts that are not among the others, when their calls have returned.
func (r *Router) retire(list, but map[string]*opened) {
	for name, o := range list {
		if but[name] != o {
			r.closing.Go(func() {
				o.busy.Wait()
				o.Close()
			})
		}
	}
}

// Close ends all accounts. Sends must have returned.
func (r *Router) Close() {
	r.mu.Lock()
	last := r.open
	r.open = nil
	r.mu.Unlock()
	r.retire(last, nil)
	r.closing.Wait()
}

// Accounts lists the accounts, each with the templateIds that it sends. Nobody may change the list.
func (r *Router) Accounts() []outbox.Account {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.accounts
}

// Ready asks the channel of an account whether its messages may go.
func (r *Router) Ready(ctx context.Context, account string) outbox.Verdict {
	r.mu.RLock()
	o := r.enter(account)
	r.mu.RUnlock()
	if o == nil {
		return changed("there is no account " + account)
	}
	defer o.busy.Done()
	return o.Ready(ctx)
}

// Send sends a message through the account that it was claimed for.
func (r *Router) Send(ctx context.Context, c outbox.Claimed) outbox.Verdict {
	o, moved := r.route(c)
	if o == nil {
		return changed(moved)
	}
	defer o.busy.Done()
	return o.Send(ctx, c)
}

// route finds the account of a message. nil: it is another one than when the message was claimed, and why says so.
func (r *Router) route(c outbox.Claimed) (o *opened, why string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	name := c.Account
	switch a := r.configuration.AccountOf(c.TemplateID); {
	case a != nil && name == "":
		name = a.Name
	case a != nil && name != a.Name:
		return nil, fmt.Sprintf("the template went from account %s to %s", name, a.Name)
	case name == "": // of a template that nobody knows, which every channel refuses in the same words
		name = r.configuration.Accounts[0].Name
	}
	if o = r.enter(name); o == nil {
		return nil, "there is no account " + name
	}
	return o, ""
}

// enter returns the account of a name, of which a call begins; nil: there is none. The lock is held: an account that is
// being closed gets no more calls.
func (r *Router) enter(name string) *opened {
	o := r.open[name]
	if o != nil {
		o.busy.Add(1)
	}
	return o
}

// changedRest is how long a message waits whose account changed: until then it is claimed for the new one.
const changedRest = time.Second

// changed is the verdict on a message that was claimed just before the accounts, or the templates, became others. It
// was not sent, and is not at fault.
func changed(how string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Halt, Kind: string(explain.KindAccountChanged), After: changedRest,
		Text: weixin.Text(explain.Kinds[explain.KindAccountChanged], how)}
}
