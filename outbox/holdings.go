package outbox

import (
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// message is a claimed message on its way through this process.
type message struct {
	store.Row
	deadline time.Duration // by the boot clock: no send begins or ends after it
	woken    time.Time     // when the wake was heard that led to its claim; zero for what was found without one
}

// holdings keeps the books of the messages that this process has claimed: each of them stands in one place from its
// claim to its settlement. It does nothing by itself and has no clock, so that a test can drive it through every order
// of events. Only the dispatcher calls it.
//
// WeChat takes one message to a person at a time (errcode 43108), so a message whose person is being sent another one
// waits for that, be it from here or from elsewhere (persons.go).
type holdings struct {
	perPerson int           // at most so many wait behind one of the same person
	leastLeft time.Duration // a send isn't begun with less time left than this

	free      int                     // senders
	next      []message               // go first: each is its person's turn
	ahead     fifo                    // go as senders become free
	people    map[string][]message    // by openid: one of this person's is with a sender, or next; these wait behind it
	queued    int                     // how many wait so
	full      map[string]bool         // of these people messages are in back: later ones must not overtake those
	limited   map[string]bool         // of these people more may be due, left out because messages wait here
	more      bool                    // the last that waited here of such a person has begun: a claim may find more
	passed    []string                // people of whom messages were given back, which wait before where claims go on
	elsewhere elsewhere               // people to whom another replica sends
	sending   map[int64]time.Duration // with senders, by id: their deadlines
	back      []store.Held            // claimed and not begun: to be given back
	outcomes  []store.Settlement      // to be settled
	unsettled unsettled               // locked or refused: to be settled later
	claims    claims
}

func newHoldings(senders int, leastLeft time.Duration) *holdings {
	return &holdings{
		perPerson: max(1, senders/recipientQueueShare),
		leastLeft: leastLeft,
		free:      senders,
		people:    make(map[string][]message),
		full:      make(map[string]bool),
		limited:   make(map[string]bool),
		elsewhere: newElsewhere(),
		sending:   make(map[int64]time.Duration),
		unsettled: make(unsettled),
		claims:    newClaims(),
	}
}

// inHand is how many messages this process holds: so many are in doubt if it dies now.
func (h *holdings) inHand() int {
	return len(h.sending) + h.waiting() + len(h.back) + len(h.outcomes) + len(h.unsettled)
}

// waiting is how many messages wait for a sender, or for another message to their person.
func (h *holdings) waiting() int { return len(h.next) + h.ahead.len() + h.queued }

// claimed takes in the messages of a claim, in the order in which they are to go.
func (h *holdings) claimed(list []message) {
	for _, m := range list {
		h.claims.open[m.ClaimID]++
		switch _, busy := h.people[m.OpenID]; {
		case h.full[m.OpenID], h.elsewhere.has(m.OpenID):
			h.giveBack(m)
		case m.Probe != "" && !busy:
			h.people[m.OpenID] = nil
			h.next = append(h.next, m)
		default:
			h.ahead.push(m)
		}
	}
}

// begin returns the next message for a free sender, who has it then.
func (h *holdings) begin(now time.Duration) (m message, ok bool) {
	for h.free > 0 {
		if m, ok = h.first(); !ok {
			return m, false
		}
		if m.deadline-now >= h.leastLeft {
			h.free--
			h.sending[m.ID] = m.deadline
			return m, true
		}
		h.giveBack(m)
		h.passOn(m.OpenID)
	}
	return message{}, false
}

// first takes out the message whose turn it is.
func (h *holdings) first() (m message, ok bool) {
	if len(h.next) > 0 {
		m, h.next = h.next[0], h.next[1:]
		return m, true
	}
	for h.ahead.len() > 0 {
		m = h.ahead.pop()
		switch waiting, busy := h.people[m.OpenID]; {
		case !busy:
			h.people[m.OpenID] = nil
			return m, true
		case len(waiting) >= h.perPerson:
			h.giveBack(m)
			h.full[m.OpenID], h.limited[m.OpenID] = true, true
			h.ahead.replace(h.without(h.ahead.all(), func(o message) bool { return o.OpenID == m.OpenID }))
		default:
			h.people[m.OpenID] = append(waiting, m)
			h.queued++
		}
	}
	return message{}, false
}

// passOn lets a person's next message go.
func (h *holdings) passOn(openid string) {
	waiting := h.people[openid]
	if len(waiting) == 0 {
		delete(h.people, openid)
		delete(h.limited, openid)
		return
	}
	h.next = append(h.next, waiting[0])
	h.people[openid] = waiting[1:]
	h.queued--
	if len(waiting) == 1 && h.limited[openid] {
		h.more = true // its last one may still be on its way when a claim has found the next
	}
}

// returned takes a message back from its sender, with its outcome.
func (h *holdings) returned(m message, outcome store.Settlement) {
	h.free++
	delete(h.sending, m.ID)
	h.outcomes = append(h.outcomes, outcome)
	h.passOn(m.OpenID)
}

func (h *holdings) giveBack(m message) {
	h.back = append(h.back, store.Held{ID: m.ID, Claim: m.ClaimID})
	h.passed = append(h.passed, m.OpenID)
}

// withdraw gives back the messages that have not begun and that match.
func (h *holdings) withdraw(match func(message) bool) {
	for openid, waiting := range h.people {
		if len(waiting) > 0 {
			kept := h.without(waiting, match)
			h.queued -= len(waiting) - len(kept)
			h.people[openid] = kept
		}
	}
	next := h.next
	h.next = nil
	for _, m := range next {
		if match(m) {
			h.giveBack(m)
			h.passOn(m.OpenID)
		} else {
			h.next = append(h.next, m)
		}
	}
	h.ahead.replace(h.without(h.ahead.all(), match))
}

// without gives back those of a list that match, and returns the others.
func (h *holdings) without(list []message, match func(message) bool) (kept []message) {
	for _, m := range list {
		if match(m) {
			h.giveBack(m)
		} else {
			kept = append(kept, m)
		}
	}
	return kept
}

// behindOthers are the people of whom messages wait behind one of theirs: claims take no more of theirs.
func (h *holdings) behindOthers() (openids []string) {
	openids = h.elsewhere.openids()
	if h.queued == 0 {
		return openids
	}
	for openid, waiting := range h.people {
		if len(waiting) > 0 {
			openids = append(openids, openid)
			h.limited[openid] = true
		}
	}
	return openids
}

// takePassed hands over the people of whom messages were given back.
func (h *holdings) takePassed() (openids []string) {
	openids, h.passed = h.passed, nil
	return openids
}

// everybody are the people of whom a message is in hand and not returned: what is claimed out of order must be of none
// of them.
func (h *holdings) everybody() []string {
	openids := make([]string, 0, len(h.people)+h.ahead.len())
	openids = append(openids, h.elsewhere.openids()...)
	for openid := range h.people {
		openids = append(openids, openid)
	}
	for _, m := range h.ahead.all() {
		openids = append(openids, m.OpenID)
	}
	return openids
}
