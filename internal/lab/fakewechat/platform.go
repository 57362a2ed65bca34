package fakewechat

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Platform is a WeChat of several accounts. Each is a Server of its own, with its tokens, quotas, permissions, faults
// and ledger: what happens to one touches no other.
type Platform struct {
	accounts map[string]*Server // by AppID
	first    *Server            // whom a call is answered by that names no account, or one that there isn't
}

var _ http.Handler = (*Platform)(nil)

// NewPlatform returns a WeChat of the account of the options, and of more, by AppID and secret.
func NewPlatform(o Options, more map[string]string) *Platform {
	p := &Platform{first: New(o)}
	p.accounts = map[string]*Server{p.first.o.AppID: p.first}
	log := o.Log
	for appID, secret := range more {
		o.AppID, o.Secret = appID, secret
		if log != nil {
			o.Log = func(line string) { log(appID + ": " + line) }
		}
		p.accounts[appID] = New(o)
		p.accounts[appID].ledger.msgID = p.first.ledger.msgID
	}
	return p
}

// Account returns the account of an AppID; nil: there is none.
func (p *Platform) Account(appID string) *Server { return p.accounts[appID] }

// ServeHTTP hands a call to the account that it is for: the one whose token it shows, or that it names.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case len(p.accounts) == 1:
		p.first.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, controlPrefix):
		p.control(w, r)
	default:
		p.of(r).ServeHTTP(w, r)
	}
}

func (p *Platform) of(r *http.Request) *Server {
	query := r.URL.Query()
	if token := query.Get("access_token"); token != "" {
		for _, s := range p.accounts {
			if s.tokens.has(token) {
				return s
			}
		}
		return p.first
	}
	appID := query.Get("appid")
	if r.URL.Path == StableTokenPath {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
		if err == nil {
			appID, _ = parseObject(body).text("appid")
		}
	}
	if s := p.accounts[appID]; s != nil {
		return s
	}
	return p.first
}

// control commands the account that ?appid= names. Without it all are commanded alike, and all ledgers are shown.
func (p *Platform) control(w http.ResponseWriter, r *http.Request) {
	appID := r.URL.Query().Get("appid")
	if s := p.accounts[appID]; s != nil {
		s.ServeHTTP(w, r)
		return
	}
	all := slices.Sorted(maps.Keys(p.accounts))
	if reads := r.Method == http.MethodGet; appID != "" || reads && r.URL.Path != sentPath {
		http.Error(w, "say by ?appid= which account, there are "+strings.Join(all, ", "), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil { // cut off by the client
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for i, appID := range all {
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := &answerOfOne{ResponseWriter: w, mute: i > 0 && r.Method != http.MethodGet}
		p.accounts[appID].ServeHTTP(answer, r)
		if answer.refused { // as all would
			return
		}
	}
}

// answerOfOne is an account's answer to a command that all were given. One of them is enough.
type answerOfOne struct {
	http.ResponseWriter
	mute, refused bool
}

func (a *answerOfOne) WriteHeader(status int) {
	a.refused = status >= http.StatusBadRequest
	if !a.mute {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *answerOfOne) Write(p []byte) (int, error) {
	if a.mute {
		return len(p), nil
	}
	return a.ResponseWriter.Write(p)
}
