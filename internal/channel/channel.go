// Package channel is the seam between accounts and what sends for them: what a channel is told of an account, and what
// it has to do. Each channel is a folder beside this file, and one line in the table of package account.
//
// It does nothing itself. Begin with Channel.
package channel

import (
	"context"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// Channel is one way to people, such as a mini-program's subscribe messages.
type Channel struct {
	// Needs are the keys that the file of an account must have: appid, secret (by whichever key it is given), url.
	Needs []string
	// OnePersonAtATime tells that it refuses a second message to a person while one is under way.
	OnePersonAtATime bool
	// Check tells what is wrong with the value of such a key, without repeating it. nil: nothing can be.
	Check func(key, value string, allowHTTP bool) error
	// Keys tells what the keys of a template's data may hold.
	Keys templates.Keys
	// Open checks an account as a whole, and asks nobody yet.
	Open func(Account) (Sender, error)
}

// Sender sends for one account. It is called by many goroutines at once.
type Sender interface {
	// Ready takes what every send needs, such as a token. Accepted: go; else the account's messages wait, and Text says
	// why.
	Ready(ctx context.Context) outbox.Verdict
	// Send sends one message and judges the outcome, within the context's deadline.
	Send(ctx context.Context, c outbox.Claimed) outbox.Verdict
	// Close gives up what is under way. Sends must have returned.
	Close()
}

// Lister is a Sender whose channel tells which templates the account has.
type Lister interface {
	ListTemplates(ctx context.Context) ([]templates.Listed, error)
}

// Account is what a channel is told of an account.
type Account struct {
	AppID  string
	Secret Secret
	Reread func() (Secret, error) // the secret again, which may have been changed; nil: it can't be
	URL    string                 // where the channel's interface is; "": where it always is

	AllowHTTP bool          // an http URL may lead to another machine
	Timeout   time.Duration // of one request, answer included; 0: the channel's own
	Conns     int           // connections kept open: as many as there are sends at once

	Templates func() *templates.Catalogue // asked once a send, so that a reload takes effect
	Log       *logrus.Entry

	// Refreshed is told of each answer to a question for a token: whether it was one that can be used. nil: nobody is.
	Refreshed func(ok bool)
}

// Secret is a string that no way of printing shows.
type Secret string

const masked = "***"

func (Secret) String() string               { return masked }
func (Secret) GoString() string             { return masked }
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(masked)) }
