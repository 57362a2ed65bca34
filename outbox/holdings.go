package outbox

import (
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// message is a claimed message on its way through this process.
type message struct {
	store.Row
	account  *account      // by which it goes
	deadline time.Duration // by the boot clock: no send begins or ends after it
	woken    time.Time     // when the wake was heard that led to its claim; zero for what was found without one
}

// holdings keeps the books of the messages that this process has claimed: each of them stands in one place from its
// claim to its settlement, first in the queue of its account, then here. It does nothing by itself and has no clock, so
// that a test can drive it through every order of events. Only the dispatcher calls it.
type holdings struct {
	queues    []*queue                // one for each account
	elsewhere elsewhere               // people to whom another replica sends
	passed    []string                // people of whom messages were given back, which wait before where claims go on
	sending   map[int64]time.Duration // with senders, by id: their deadlines
	back      []store.Held            // claimed and not begun: to be given back
	outcomes  []store.Settlement      // to be settled
	unsettled unsettled               // locked or refused: to be settled later
	claims    claims
}

func newHoldings() *holdings {
	return &holdings{
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
func (h *holdings) waiting() (n int) {
	for _, q := range h.queues {
		n += q.waiting()
	}
	return n
}

// returned takes a message back from its sender, with its outcome.
func (h *holdings) returned(m message, outcome store.Settlement) {
	delete(h.sending, m.ID)
	h.outcomes = append(h.outcomes, outcome)
}

func (h *holdings) giveBack(m message) {
	h.back = append(h.back, store.Held{ID: m.ID, Claim: m.ClaimID})
	h.passed = append(h.passed, m.OpenID)
}

// withdraw gives back the messages that have not begun and that match.
func (h *holdings) withdraw(match func(message) bool) {
	for _, q := range h.queues {
		q.withdraw(match)
	}
}

// behindOthers are the people of whom messages wait behind one of theirs: claims take no more of theirs.
func (h *holdings) behindOthers() []string {
	openids := h.elsewhere.openids()
	for _, q := range h.queues {
		openids = q.behindOthers(openids)
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
	openids := h.elsewhere.openids()
	for _, q := range h.queues {
		openids = q.everybody(openids)
	}
	return openids
}
