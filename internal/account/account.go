// Package account is the accounts that messages go through: a file each in a folder, or that of SUBMSG_WECHAT_*. It
// reads them, finds out which template is sent by which, and is one outbox.Sender over all of them. README.md in this
// folder describes the files.
//
// It knows no channel but by the table in channels.go, and no database. Begin with Source.Load in load.go; read.go
// reads one file, assign.go gives each template its account, live.go reads again what has changed, router.go sends.
package account

import (
	"errors"
	"fmt"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/templates"
)

// Default is the name of the account of SUBMSG_WECHAT_*. It sends what says no account where there are several.
const Default = "default"

// Account is one account: credentials at a channel, quota and pauses belong to it. Accounts come from Source.Load, and
// must not be changed. Two that are equal are sent for in the same way.
type Account struct {
	Name, Channel    string
	AppID            string
	Secret           channel.Secret
	URL              string  // where the channel's interface is; "": where it always is
	Rate             float64 // messages a second, all replicas together; 0: that of all accounts
	Senders          int     // sends at once; 0: those of all accounts
	OnePersonAtATime bool    // the channel refuses a second message to a person while one is under way

	File       string // its name in the folder; "" for the account of SUBMSG_WECHAT_*
	SecretFile string // the file that the secret is in by itself, and may be changed in; "": there is none
}

// OfWeChat is a mini-program that stands in no file.
func OfWeChat(appID string, secret channel.Secret, url string) *Account {
	return &Account{Name: Default, Channel: WeChat, AppID: appID, Secret: secret, URL: url,
		OnePersonAtATime: channels[WeChat].OnePersonAtATime}
}

// Where tells a person where an account is configured.
func (a Account) Where() string {
	if a.File == "" {
		return "SUBMSG_WECHAT_APPID"
	}
	return a.File
}

// check tells what is wrong with an account that stands in no file, of which each key is checked where it stands.
func (a Account) check(allowHTTP bool) error {
	check := channels[a.Channel].Check
	err := errors.Join(check("url", a.URL, allowHTTP), check("appid", a.AppID, allowHTTP),
		check("secret", string(a.Secret), allowHTTP))
	if err != nil {
		return fmt.Errorf("account %s, of %s: %w", a.Name, a.Where(), err)
	}
	return nil
}

// Keys tells what the keys of a template's data may hold that the account sends.
func (a Account) Keys() templates.Keys { return channels[a.Channel].Keys }

// Reread returns what reads the secret again; nil: it can't change.
func (a Account) Reread() func() (channel.Secret, error) {
	if a.SecretFile == "" {
		return nil
	}
	return func() (channel.Secret, error) { return ReadSecret(a.SecretFile) }
}
