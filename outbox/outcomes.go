package outbox

import (
	"cmp"
	"slices"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// What holdings knows of messages whose sends are over.

// take hands over what is to be written: outcomes, and rows to be given back. Whoever takes them calls stored, or
// putBack.
func (h *holdings) take() (outcomes []store.Settlement, back []store.Held) {
	outcomes, back, h.outcomes, h.back = h.outcomes, h.back, nil, nil
	for _, q := range h.queues {
		clear(q.full) // the same transaction gives back, and claims after that
	}
	return outcomes, back
}

// putBack takes back what could not be written because the database is away.
func (h *holdings) putBack(outcomes []store.Settlement, back []store.Held) {
	h.outcomes = append(outcomes, h.outcomes...)
	h.back = append(back, h.back...)
}

// stored forgets messages that are settled, or fenced off.
func (h *holdings) stored(outcomes []store.Settlement) {
	for _, s := range outcomes {
		delete(h.unsettled, s.ID)
		h.claims.settled(s.Claim)
	}
}

// storedBack forgets messages that were given back. Those that were not, because somebody holds them locked, are
// outcomes from here on: to wait again.
func (h *holdings) storedBack(back []store.Held, done []int64) {
	out := make(map[int64]bool, len(done))
	for _, id := range done {
		out[id] = true
	}
	for _, b := range back {
		if out[b.ID] {
			h.claims.settled(b.Claim)
		} else {
			h.outcomes = append(h.outcomes, waitAgain(b))
		}
	}
}

// waitAgain lets a message wait again that was not sent.
func waitAgain(b store.Held) store.Settlement {
	return store.Settlement{ID: b.ID, Claim: b.Claim, Status: string(Waiting), Refund: 1}
}

// known are the messages whose outcome is known and not stored: nobody here may call them unknown.
func (h *holdings) known() (ids []int64) {
	for id := range h.unsettled {
		ids = append(ids, id)
	}
	for _, s := range h.outcomes {
		ids = append(ids, s.ID)
	}
	return ids
}

// oldestDeadline is the first deadline of the sends under way; 0: there is none.
func (h *holdings) oldestDeadline() (first time.Duration) {
	for _, at := range h.sending {
		if first == 0 || at < first {
			first = at
		}
	}
	return first
}

// unsettled are outcomes that could not be stored so far, by the ids of their messages.
type unsettled map[int64]unsettledOutcome

type unsettledOutcome struct {
	store.Settlement
	refused string        // why the database refuses it, which was logged; "": it is locked
	rest    time.Duration // after the last try
	at      time.Duration // when to try again, by the boot clock
}

// keep keeps outcomes that are locked, or refused by the database, to be tried again after a while that doubles. A
// refused one may have to wait for a person.
func (u unsettled) keep(outcomes []store.Settlement, refused string, now time.Duration) {
	for _, s := range outcomes {
		o := u[s.ID]
		most := mostLockedRest
		if refused != "" {
			most = mostRefusedRest
		}
		o.Settlement, o.refused = s, cmp.Or(refused, o.refused)
		o.rest = min(max(2*o.rest, leastUnsettled), most)
		o.at = now + o.rest
		u[s.ID] = o
	}
}

// due returns the outcomes whose time has come to be tried again, and when the next one's comes; 0: there is none.
func (u unsettled) due(now time.Duration) (due []store.Settlement, next time.Duration) {
	for _, o := range u {
		if o.at <= now {
			due = append(due, o.Settlement)
		} else if next == 0 || o.at < next {
			next = o.at
		}
	}
	return due, next
}

// refused is how many outcomes the database refuses to store.
func (u unsettled) refused() (n int) {
	for _, o := range u {
		if o.refused != "" {
			n++
		}
	}
	return n
}

// claims are those that the outcomes are of.
func (u unsettled) claims() (list []string) {
	for _, o := range u {
		if !slices.Contains(list, o.Claim) {
			list = append(list, o.Claim)
		}
	}
	return list
}
