package weixin

import (
	"context"

	"github.com/submsg/submsg/outbox"
)

// Account is a mini-program's or an official account's way to WeChat: its address, its credentials and its
// access_token. It is safe for concurrent use.
type Account struct {
	baseURL string
	secrets *secrets
	tokens  *tokens
}

// Open checks the configuration; it asks WeChat nothing yet. The error names everything that is wrong.
func Open(cfg Config) (*Account, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	a := &Account{baseURL: cfg.BaseURL,
		secrets: &secrets{reread: cfg.Reread, log: cfg.Log, known: []Secret{cfg.Secret}}}
	a.tokens = newTokens(stableToken(cfg, a.secrets, func(text string) string { return a.Hide(text) }), cfg.Log)
	a.tokens.refreshed, a.tokens.renewed = cfg.Refreshed, a.secrets.renew
	return a, nil
}

// URL is the address of an interface, up to the token: "https://api.weixin.qq.com/cgi-bin/…?access_token=". The token
// follows it, escaped for a query. The path begins with a slash.
func (a *Account) URL(path string) string { return a.baseURL + path + "?access_token=" }

// Token returns an access_token, waiting for the refresh under way if it must. Where there is none it is "", and the
// verdict says why: Later (the token endpoint can't be reached, or the context ended) or Halt (it refuses).
func (a *Account) Token(ctx context.Context) (string, outbox.Verdict) { return a.tokens.get(ctx) }

// Reject is told that WeChat did not take a token: an answer's errcode was one of RejectsToken. The first time, the
// next Token is another one. When that is rejected as well, no token is asked for during some seconds, then minutes.
func (a *Account) Reject(token string) { a.tokens.reject(token) }

// Accept is told that WeChat took a token, whatever else it answered.
func (a *Account) Accept(token string) { a.tokens.accept(token) }

// RejectsToken reports whether an errcode says that the request was refused for its access_token, by any interface but
// that of the tokens themselves. It certainly was not processed, so that it can be sent once more with another token.
func RejectsToken(code int32) bool {
	switch code {
	case 40001, 40014, 41001, 42001:
		return true
	}
	return false
}

// Close gives up the refresh under way. Nobody may be waiting for a token of this account any more.
func (a *Account) Close() { a.tokens.close() }

// Hide returns others' words without what they repeat of the account's secret, and of more texts that must not be
// shown: a token, an openid, the values of a message.
func (a *Account) Hide(words string, more ...string) string {
	return hide(words, append(more, a.secrets.texts()...)...)
}
