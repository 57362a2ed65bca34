package outbox

import (
	"maps"
	"slices"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// Several replicas don't know of each other to whom they are sending, and nothing in the table says so cheaply: an
// index of it would have to be written at each settlement. So a claim doesn't ask. The channel tells (errcode 43108),
// and then the replica that was refused leaves that person to the other: it gives back what it has of this person's, at
// its place in the queue, and takes nothing of his before the database shows that nobody else is sending to him. Where
// nobody of ours is, another system is: then the message pays with a try, and its person gets a short rest.

// elsewhere are the people to whom another replica sends, and those of whom that is not known yet. It has no clock and
// no database.
type elsewhere struct {
	seen    map[string]time.Duration // by openid: when somebody else was last seen sending to him, or the refusal
	refused map[int64]string         // by id: the openid of a message that was refused, until it is known by whom
	asked   time.Duration            // when the database last answered
	took    time.Duration            // how long that took
}

func newElsewhere() elsewhere {
	return elsewhere{seen: make(map[string]time.Duration), refused: make(map[int64]string)}
}

// has tells whether nothing may be sent to a person from here.
func (e *elsewhere) has(openid string) bool {
	_, has := e.seen[openid]
	return has
}

func (e *elsewhere) openids() []string { return slices.Collect(maps.Keys(e.seen)) }

// ask tells whom to ask the database for, before a claim or before outcomes are written.
func (e *elsewhere) ask(claim bool, now time.Duration) (openids []string) {
	if len(e.refused) > 0 || claim && len(e.seen) > 0 && now-e.asked >= max(personEvery, personShare*e.took) {
		return e.openids()
	}
	return nil
}

// told takes in what the database says: of those that it was asked for, busy are the people to whom somebody else is
// sending. It returns which of the refused messages were refused for that.
func (e *elsewhere) told(asked, busy []string, began, now time.Duration) (innocent map[int64]bool) {
	e.asked, e.took, innocent = now, now-began, make(map[int64]bool)
	for _, openid := range busy {
		e.seen[openid] = now
	}
	for id, openid := range e.refused {
		if slices.Contains(asked, openid) { // otherwise it came back meanwhile
			innocent[id] = slices.Contains(busy, openid)
			delete(e.refused, id)
		}
	}
	maps.DeleteFunc(e.seen, func(openid string, seen time.Duration) bool {
		return slices.Contains(asked, openid) && now-seen >= personRest
	})
	return innocent
}

// refusedForPerson notes that the channel has refused a message because another one to its person is under way, and
// gives back the others of this person's.
func (h *holdings) refusedForPerson(m message, now time.Duration) {
	h.elsewhere.seen[m.OpenID] = now
	h.elsewhere.refused[m.ID] = m.OpenID
	h.passed = append(h.passed, m.OpenID)
	h.withdraw(func(o message) bool { return o.OpenID == m.OpenID })
}

// letWait turns the outcomes of messages that were refused for what another replica did: they wait again, as if nobody
// had claimed them.
func letWait(outcomes []store.Settlement, innocent map[int64]bool) {
	for i, o := range outcomes {
		if innocent[o.ID] {
			outcomes[i] = waitAgain(store.Held{ID: o.ID, Claim: o.Claim})
		}
	}
}
