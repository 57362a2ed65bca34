package outbox

import (
	"sync"
	"time"
)

// WeChat takes one message to a person at a time (errcode 43108). recipientQueue holds the claimed messages whose
// person is being sent another one: each goes when the one before it has come back.
type recipientQueue struct {
	mu      sync.Mutex
	waiting map[string][]claimed // by openid: a message to this person is on the wire, and these wait behind it
}

// enter lets a message go at once, or puts it into its person's queue. full: most messages stand there already.
func (q *recipientQueue) enter(m claimed, most int) (goes, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, busy := q.waiting[m.OpenID]
	switch {
	case !busy:
		q.waiting[m.OpenID] = nil
		return true, false
	case len(waiting) >= most:
		return false, true
	}
	q.waiting[m.OpenID] = append(waiting, m)
	return false, false
}

// next is called when a person's message has come back. It returns the next one, which goes now.
func (q *recipientQueue) next(openid string) (m claimed, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.waiting[openid]
	if len(waiting) == 0 {
		delete(q.waiting, openid)
		return claimed{}, false
	}
	q.waiting[openid] = waiting[1:]
	return waiting[0], true
}

// queued returns the people for whom messages wait here: claims take no more of theirs.
func (q *recipientQueue) queued() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := []string{}
	for openid, waiting := range q.waiting {
		if len(waiting) > 0 {
			list = append(list, openid)
		}
	}
	return list
}

// queueFull is the verdict on the n-th message that found its person's queue full: they come back one after the other.
func queueFull(n int) Verdict {
	return Verdict{Outcome: Halt, After: time.Duration(n) * recipientDelay,
		Text: "同一用户还有多条消息在前，稍后发送 (others of this person's messages go first)"}
}
