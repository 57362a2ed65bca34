package outbox

import (
	"sync"
	"time"
)

// WeChat takes one message to a person at a time (43108). lines are the claimed messages whose person is being sent
// another one: each goes when the one before it has come back.
type lines struct {
	mu   sync.Mutex
	busy map[string][]claimed // by openid: a message is on the wire, these are behind it
}

// Messages that find their person's line full are given back, and come back one by one.
const backInLine = 250 * time.Millisecond

// enter lets a message go at once, or puts it into its person's line. full: most stand there already.
func (l *lines) enter(m claimed, most int) (goes, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, busy := l.busy[m.OpenID]
	switch {
	case !busy:
		l.busy[m.OpenID] = nil
		return true, false
	case len(line) >= most:
		return false, true
	}
	l.busy[m.OpenID] = append(line, m)
	return false, false
}

// leave takes a message off the wire and tells who is next.
func (l *lines) leave(openid string) (next claimed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.busy[openid]
	if len(line) == 0 {
		delete(l.busy, openid)
		return claimed{}, false
	}
	l.busy[openid] = line[1:]
	return line[0], true
}

// queued are the people with a line: no more of theirs need be claimed.
func (l *lines) queued() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []string{}
	for openid, line := range l.busy {
		if len(line) > 0 {
			list = append(list, openid)
		}
	}
	return list
}

// tooMany is the verdict on the n-th message too many in a line.
func tooMany(n int) Verdict {
	return Verdict{Outcome: Halt, After: time.Duration(n) * backInLine,
		Text: "同一用户还有多条消息在前，稍后发送 (others of this person's messages go first)"}
}
