package outbox

import (
	"maps"
	"slices"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// seeker decides which templates of an account a claim seeks, and where in their queues it begins. Between two looks at
// the front a claim goes on where the last one stopped, because the index keeps what was claimed since the oldest
// transaction began, and because what lies there may be locked.
type seeker struct {
	named     []string                  // whose messages the account sends; nil: any
	floors    map[string]store.Position // by templateId: where to go on; none: at the front
	passed    map[string]bool           // people of whom messages may wait before that, so that later ones wait, too
	active    map[string]bool           // the templates that the last claims found, or may have more of
	allAt     time.Duration             // when all templates were sought
	frontAt   time.Duration             // when a claim began at the front
	frontTook time.Duration             // how long that took
	deeper    int                       // looks at so many times the messages that it wants
}

func newSeeker() seeker {
	return seeker{floors: make(map[string]store.Position), passed: make(map[string]bool), active: make(map[string]bool),
		deeper: 1}
}

// atFront tells whether it is time for a claim at the front: what is committed late, or unlocked, lies there.
func (s *seeker) atFront(now time.Duration) bool {
	return now-s.frontAt > max(frontEvery, frontShare*s.frontTook)
}

// pass notes people of whom messages wait that a claim left out, or that were given back. Where they are many, claims
// begin at the front again.
func (s *seeker) pass(openids []string) {
	for _, openid := range openids {
		s.passed[openid] = true
	}
	if len(s.passed) > mostPassed {
		clear(s.floors)
		clear(s.passed)
	}
}

// leaveOut are the people of whom messages wait before the place where a claim of the account begins.
func (s *seeker) leaveOut(newest, front bool) []string {
	if newest || !front && len(s.floors) > 0 {
		return slices.Collect(maps.Keys(s.passed))
	}
	return nil
}

// seek fills in what a claim seeks: from the front or, as the newest are, of all templates. whole: it seeks everything
// that may go.
func (s *seeker) seek(p *store.Part, now time.Duration, newest, front bool) (whole bool) {
	p.Any = s.named == nil
	p.Depth = min(max(p.Limit, leastDepth)*s.deeper, max(mostDepth, p.Limit))
	if newest {
		p.Depth = max(newestShare*p.Limit, leastDepth)
	}
	fresh := front || newest
	if p.Any {
		for t, at := range s.floors {
			if !fresh {
				p.Seek = append(p.Seek, store.Sought{TemplateID: t, After: at})
			}
		}
		return len(p.Seek) == 0
	}
	all := fresh || len(s.active) == 0 || now-s.allAt > newestEvery
	if all && !newest {
		s.allAt = now
	}
	whole = all
	for _, t := range s.named {
		if !all && !s.active[t] {
			continue
		}
		at, ok := s.floors[t]
		if !ok || fresh {
			at = store.Front
		}
		whole = whole && at == store.Front
		p.Seek = append(p.Seek, store.Sought{TemplateID: t, After: at})
	}
	return whole
}

// found takes in what a claim of the oldest has found of the account, which left out these people. more: there may be
// more that can go.
func (s *seeker) found(p *store.Part, people []string, got store.Claimed, whole bool) (more bool) {
	s.goDeeper(p, got)
	full := len(got.Rows) >= p.Limit
	if !full && len(got.Ends) == 0 {
		clear(s.floors)
		clear(s.active)
		if whole {
			clear(s.passed)
		}
		s.pass(people) // all that is left
		return !whole
	}
	s.pass(people)
	last := lookedAt(got, full)
	for _, sought := range p.Seek {
		if _, goesOn := last[sought.TemplateID]; !goesOn && !full { // it saw all of this one's
			delete(s.floors, sought.TemplateID)
			delete(s.active, sought.TemplateID)
		}
	}
	for t, at := range last {
		if floor, ok := s.floors[t]; !ok || floor.Before(at) {
			s.floors[t] = at
		}
		s.active[t] = true
	}
	return true
}

// lookedAt is up to where a claim has looked at the queue of each template, where there may be more behind that. A
// claim that is full looked at nothing behind the last message that it took.
func lookedAt(got store.Claimed, full bool) map[string]store.Position {
	last := make(map[string]store.Position)
	frontier := store.Front
	for _, r := range got.Rows {
		if at, ok := last[r.TemplateID]; full && (!ok || at.Before(r.Position)) {
			last[r.TemplateID] = r.Position
		}
		if frontier.Before(r.Position) {
			frontier = r.Position
		}
	}
	for _, e := range got.Ends {
		at, ok := last[e.TemplateID]
		if !full || e.After.Before(frontier) && (!ok || at.Before(e.After)) {
			last[e.TemplateID] = e.After
		}
	}
	return last
}

// goDeeper looks at more messages where those before found hardly any, and at as many as it wants again where they
// found some.
func (s *seeker) goDeeper(p *store.Part, got store.Claimed) {
	if len(got.Ends) > 0 && 2*len(got.Rows) < p.Limit {
		s.deeper = min(2*s.deeper, mostDepth)
	} else {
		s.deeper = 1
	}
}
