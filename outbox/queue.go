package outbox

import "time"

// queue holds the claimed messages of one account until one of its senders begins with them.
//
// Where the channel takes one message to a person at a time (WeChat's errcode 43108), a message whose person is being
// sent another one waits for that, be it from here or from elsewhere (persons.go).
type queue struct {
	hold      *holdings     // where messages go from here
	alone     bool          // one message to a person at a time
	perPerson int           // at most so many wait behind one of the same person
	leastLeft time.Duration // a send isn't begun with less time left than this

	senders int
	free    int                  // senders
	next    []message            // go first: each is its person's turn
	ahead   fifo                 // go as senders become free
	people  map[string][]message // by openid: one of this person's is with a sender, or next; these wait behind it
	queued  int                  // how many wait so
	full    map[string]bool      // of these people messages are in back: later ones must not overtake those
	limited map[string]bool      // of these people more may be due, left out because messages wait here
	more    bool                 // the last that waited here of such a person has begun: a claim may find more
}

// newQueue adds the queue of an account with so many senders.
func (h *holdings) newQueue(senders int, alone bool, leastLeft time.Duration) *queue {
	q := &queue{
		hold: h, alone: alone, senders: senders, free: senders, leastLeft: leastLeft,
		perPerson: max(1, senders/recipientQueueShare),
		people:    make(map[string][]message),
		full:      make(map[string]bool),
		limited:   make(map[string]bool),
	}
	h.queues = append(h.queues, q)
	return q
}

// waiting is how many messages wait for a sender, or for another message to their person.
func (q *queue) waiting() int { return len(q.next) + q.ahead.len() + q.queued }

// inHand is how many messages wait, or are with a sender.
func (q *queue) inHand() int { return q.waiting() + q.senders - q.free }

// claimed takes in a message of a claim. They come in the order in which they are to go.
func (q *queue) claimed(m message) {
	q.hold.claims.open[m.ClaimID]++
	switch _, busy := q.people[m.OpenID]; {
	case q.alone && (q.full[m.OpenID] || q.hold.elsewhere.has(m.OpenID)):
		q.hold.giveBack(m)
	case m.Probe != "" && !busy:
		q.turnOf(m)
		q.next = append(q.next, m)
	default:
		q.ahead.push(m)
	}
}

// turnOf notes that it is this message's turn among those to its person.
func (q *queue) turnOf(m message) {
	if q.alone {
		q.people[m.OpenID] = nil
	}
}

// begin returns the next message for a free sender, who has it then.
func (q *queue) begin(now time.Duration) (m message, ok bool) {
	for q.free > 0 {
		if m, ok = q.first(); !ok {
			return m, false
		}
		if m.deadline-now >= q.leastLeft {
			q.free--
			q.hold.sending[m.ID] = m.deadline
			return m, true
		}
		q.hold.giveBack(m)
		q.passOn(m.OpenID)
	}
	return message{}, false
}

// first takes out the message whose turn it is.
func (q *queue) first() (m message, ok bool) {
	if len(q.next) > 0 {
		m, q.next = q.next[0], q.next[1:]
		return m, true
	}
	for q.ahead.len() > 0 {
		m = q.ahead.pop()
		switch waiting, busy := q.people[m.OpenID]; {
		case !busy:
			q.turnOf(m)
			return m, true
		case len(waiting) >= q.perPerson:
			q.hold.giveBack(m)
			q.full[m.OpenID], q.limited[m.OpenID] = true, true
			q.ahead.replace(q.without(q.ahead.all(), func(o message) bool { return o.OpenID == m.OpenID }))
		default:
			q.people[m.OpenID] = append(waiting, m)
			q.queued++
		}
	}
	return message{}, false
}

// passOn lets a person's next message go.
func (q *queue) passOn(openid string) {
	waiting := q.people[openid]
	if len(waiting) == 0 {
		delete(q.people, openid)
		delete(q.limited, openid)
		return
	}
	q.next = append(q.next, waiting[0])
	q.people[openid] = waiting[1:]
	q.queued--
	if len(waiting) == 1 && q.limited[openid] {
		q.more = true // its last one may still be on its way when a claim has found the next
	}
}

// returned takes a message back from its sender.
func (q *queue) returned(m message) {
	q.free++
	q.passOn(m.OpenID)
}

// withdraw gives back the messages that have not begun and that match.
func (q *queue) withdraw(match func(message) bool) {
	for openid, waiting := range q.people {
		if len(waiting) > 0 {
			kept := q.without(waiting, match)
			q.queued -= len(waiting) - len(kept)
			q.people[openid] = kept
		}
	}
	next := q.next
	q.next = nil
	for _, m := range next {
		if match(m) {
			q.hold.giveBack(m)
			q.passOn(m.OpenID)
		} else {
			q.next = append(q.next, m)
		}
	}
	q.ahead.replace(q.without(q.ahead.all(), match))
}

// without gives back those of a list that match, and returns the others.
func (q *queue) without(list []message, match func(message) bool) (kept []message) {
	for _, m := range list {
		if match(m) {
			q.hold.giveBack(m)
		} else {
			kept = append(kept, m)
		}
	}
	return kept
}

// behindOthers adds the people of whom messages wait here behind one of theirs.
func (q *queue) behindOthers(openids []string) []string {
	if q.queued == 0 {
		return openids
	}
	for openid, waiting := range q.people {
		if len(waiting) > 0 {
			openids = append(openids, openid)
			q.limited[openid] = true
		}
	}
	return openids
}

// everybody adds the people of whom a message is here or with a sender.
func (q *queue) everybody(openids []string) []string {
	if !q.alone {
		return openids
	}
	for openid := range q.people {
		openids = append(openids, openid)
	}
	for _, m := range q.ahead.all() {
		openids = append(openids, m.OpenID)
	}
	return openids
}
