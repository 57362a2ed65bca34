package fakewechat

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"regexp"
	"sync"
	"time"
)

// Limits of force_refresh: WeChat's page on stable_token.
const (
	forcesADay  = 20
	forceSpaced = 30 * time.Second
)

// tokens are both families of access tokens. Neither ever touches the other's.
type tokens struct {
	mu            sync.Mutex
	now           func() time.Time
	life, overlap time.Duration
	issued        map[string]*token
	classic       *token // the newest of each family, nil before the first
	stable        *token
	forces        int // of the day
	forceDay      int64
	lastForce     time.Time
}

// token is dead (40001) from retired on, if that is set, and expired (42001) from expires on.
type token struct {
	value            string
	expires, retired time.Time
}

func (t *tokens) init(now func() time.Time, life time.Duration) {
	t.now, t.life, t.overlap = now, life, life/24
	t.issued = map[string]*token{}
}

var tokenForm = regexp.MustCompile(`^[0-9A-Za-z_-]{128,512}$`)

// check judges the access_token of a call.
func (t *tokens) check(query url.Values) *refusal {
	value := query.Get("access_token")
	switch {
	case value == "":
		return refuse(41001)
	case !tokenForm.MatchString(value):
		return refuse(40014)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tok, now := t.issued[value], t.now()
	switch {
	case tok == nil, !tok.retired.IsZero() && !now.Before(tok.retired):
		return refuse(40001)
	case !now.Before(tok.expires):
		return refuse(42001)
	}
	return nil
}

// has tells whether a token was issued here, be it alive or not.
func (t *tokens) has(value string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.issued[value] != nil
}

// issue makes a token of the greatest length that WeChat tells clients to expect. t.mu is held.
func (t *tokens) issue() *token {
	random := make([]byte, 384)
	rand.Read(random)
	tok := &token{value: base64.RawURLEncoding.EncodeToString(random), expires: t.now().Add(t.life)}
	t.issued[tok.value] = tok
	return tok
}

type tokenOK struct {
	Token     string `json:"access_token"`
	ExpiresIn int    `json:"expires_in"` // seconds
}

// handOut is the answer with tok. t.mu is held.
func (t *tokens) handOut(tok *token) tokenOK {
	return tokenOK{tok.value, int(tok.expires.Sub(t.now()) / time.Second)}
}

// newClassic: each call makes a new token, and retires the one before after the overlap.
func (t *tokens) newClassic() tokenOK {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.classic != nil {
		t.classic.retire(t.now().Add(t.overlap))
	}
	t.classic = t.issue()
	return t.handOut(t.classic)
}

// getStable: the same token until the overlap before its end, then a new one while the old lives on.
func (t *tokens) getStable() tokenOK {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stable == nil || t.stable.expires.Sub(t.now()) <= t.overlap {
		t.stable = t.issue()
	}
	return t.handOut(t.stable)
}

// forceStable kills the token before at once. Less than 30 s after the last time it refreshes nothing.
func (t *tokens) forceStable() (any, *refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if d := day(now); d != t.forceDay {
		t.forces, t.forceDay = 0, d
	}
	if t.stable != nil && !t.lastForce.IsZero() && now.Sub(t.lastForce) < forceSpaced {
		return t.handOut(t.stable), nil
	}
	if t.forces >= forcesADay {
		return nil, refuse(45009)
	}
	t.forces++
	t.lastForce = now
	if t.stable != nil {
		t.stable.retire(now)
	}
	t.stable = t.issue()
	return t.handOut(t.stable), nil
}

// retire brings the end forward, never back.
func (tok *token) retire(at time.Time) {
	if tok.retired.IsZero() || at.Before(tok.retired) {
		tok.retired = at
	}
}

// KillTokens ends every token: as replaced by somebody else (40001), or as run out (42001). With
// sticky, stable_token goes on handing its dead token out until a forced refresh.
func (s *Server) KillTokens(expire, sticky bool) {
	t := &s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, tok := range t.issued {
		if expire && now.Before(tok.expires) {
			tok.expires = now
		} else if !expire {
			tok.retire(now)
		}
	}
	if !sticky {
		t.classic, t.stable = nil, nil
	}
}
