package fakewechat

import (
	"fmt"
	"sync"
)

// Endless is the count of a permission that no send uses up, as that of a long-term subscription.
const Endless = -1

// anyone stands for every openid, or every template.
const anyone = "*"

type pair struct{ openid, templateID string }

// grants are the permissions left, by openid and template: a number, or Endless. Of the entries that
// fit a pair only the most exact counts, so that one user can be refused where all others have
// endless permission. A finite entry with a "*" gives each pair that it fits that many of its own.
type grants struct {
	mu   sync.Mutex
	left map[pair]int
}

func (g *grants) init() { g.left = map[pair]int{} }

// add adds n, makes the entry endless, or, with 0, takes it all away.
func (g *grants) add(openid, templateID string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := pair{openid, templateID}
	switch left := g.left[p]; {
	case n <= 0:
		g.left[p] = n
	case left != Endless:
		g.left[p] = left + n
	}
}

// count is what the pair has left. g.mu is held.
func (g *grants) count(openid, templateID string) int {
	for _, p := range [...]pair{{openid, templateID}, {openid, anyone}, {anyone, templateID}, {anyone, anyone}} {
		if n, ok := g.left[p]; ok {
			return n
		}
	}
	return 0
}

func (g *grants) has(openid, templateID string) bool { return g.get(openid, templateID) != 0 }

func (g *grants) get(openid, templateID string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count(openid, templateID)
}

// use takes one away, and reports whether there was one.
func (g *grants) use(openid, templateID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.count(openid, templateID)
	if n > 0 {
		g.left[pair{openid, templateID}] = n - 1
	}
	return n != 0
}

// Grant gives openid n more permissions for the template; Endless makes them endless, 0 takes them
// all away. "*" stands for every openid or every template: each pair that it fits, and that has no
// entry of its own yet, has n.
func (s *Server) Grant(openid, templateID string, n int) error {
	switch {
	case openid != anyone && !openidForm.MatchString(openid):
		return fmt.Errorf("openid must be \"*\" or an o and 27 letters, digits, - or _")
	case n < Endless:
		return fmt.Errorf("count must be -1 (endless), 0 (take away) or more, not %d", n)
	}
	if t, ok := s.o.Templates().Find(templateID); templateID != anyone && (!ok || t.ID != templateID) {
		return fmt.Errorf("templateId must be \"*\" or a template's id, not %q", templateID)
	}
	s.grants.add(openid, templateID, n)
	return nil
}

// Permissions is how many sends of the template openid has left, or Endless.
func (s *Server) Permissions(openid, templateID string) int { return s.grants.get(openid, templateID) }
