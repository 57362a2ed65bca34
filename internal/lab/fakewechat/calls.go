package fakewechat

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// Stats counts since the start. Calls, ErrCodes and MaxParallel are those of subscribe/send.
type Stats struct {
	Calls       int            `json:"calls"`
	Accepted    int            `json:"accepted"`
	ErrCodes    map[int]int    `json:"errCodes"` // of the answers, also of those that were cut on their way
	MaxParallel int            `json:"maxParallel"`
	Tokens      TokenCalls     `json:"tokens"`
	Faults      map[string]int `json:"faults"` // that struck, by kind, on any path
}

// TokenCalls counts calls, answered or not. Forced are those of Stable with force_refresh.
type TokenCalls struct {
	Classic int `json:"classic"`
	Stable  int `json:"stable"`
	Forced  int `json:"forced"`
}

// calls knows what is going on and what went on.
type calls struct {
	mu       sync.Mutex
	stats    Stats
	parallel int
	openids  map[string]struct{} // with a call in progress
}

func (c *calls) init() {
	c.openids = map[string]struct{}{}
	c.stats.ErrCodes = map[int]int{}
	c.stats.Faults = map[string]int{}
}

// enter begins a send. busy says that another call for openid is in progress; leave ends this one,
// after the time that the server still needs for it.
func (c *calls) enter(openid string) (busy bool, leave func(after time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Calls++
	c.parallel++
	c.stats.MaxParallel = max(c.stats.MaxParallel, c.parallel)
	if openid != "" {
		if _, busy = c.openids[openid]; !busy {
			c.openids[openid] = struct{}{}
		}
	}
	end := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.parallel--
		if !busy {
			delete(c.openids, openid)
		}
	}
	return busy, func(after time.Duration) {
		if after <= 0 {
			end()
			return
		}
		time.AfterFunc(after, end)
	}
}

// token counts a call of a token endpoint.
func (c *calls) token(path string, forced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.stats.Tokens
	switch {
	case path == TokenPath:
		t.Classic++
	case path == StableTokenPath:
		t.Stable++
		if forced {
			t.Forced++
		}
	}
}

// note counts an answer, and the fault that goes with it.
func (c *calls) note(path string, a answer, f *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f != nil {
		c.stats.Faults[f.Kind]++
	}
	if path == SendPath && a.body != nil {
		c.stats.ErrCodes[a.code]++
	}
}

// Stats is a copy of the counts at this moment.
func (s *Server) Stats() Stats {
	accepted := len(s.ledger.all())
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	st := s.calls.stats
	st.Accepted = accepted
	st.ErrCodes, st.Faults = maps.Clone(st.ErrCodes), maps.Clone(st.Faults)
	return st
}

// log tells of one send in a line, without the whole openid.
func (s *Server) log(q *request, a answer, f *Fault) {
	if s.o.Log == nil {
		return
	}
	to, template, outcome := "(no openid)", q.templateID, a.msg
	if q.openid != "" {
		to = q.openid[:4] + "…" + q.openid[26:]
	}
	if t, ok := s.o.Templates().Find(q.templateID); ok {
		template = t.Name
	}
	if a.body != nil && a.code == 0 {
		outcome = "accepted"
	}
	line := fmt.Sprintf("send to %s %s: %d %s", to, template, a.code, outcome)
	if f != nil {
		line = fmt.Sprintf("send to %s %s: fault %s (%s)", to, template, f.Kind, outcome)
	}
	s.o.Log(line)
}
