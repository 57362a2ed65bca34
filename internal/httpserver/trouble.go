package httpserver

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	troubleEvery = 10 * time.Second
	troubleBytes = 4 << 10 // of one line: a stack, where an answer panicked
)

// trouble passes on what net/http complains of: strangers cause it, and may have put their words into it, so that it is
// made printable, and told once in a while only.
type trouble struct {
	tell func(text string)

	mu     sync.Mutex
	told   time.Time
	untold int
}

// Write takes one complaint.
func (t *trouble) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if !t.told.IsZero() && now.Sub(t.told) < troubleEvery {
		t.untold++
		return len(p), nil
	}
	text := strconv.QuoteToGraphic(strings.TrimSpace(string(p[:min(len(p), troubleBytes)])))
	text = text[1 : len(text)-1]
	if t.untold > 0 {
		text += fmt.Sprintf(" (and %d more since %s)", t.untold, t.told.Format(time.TimeOnly))
	}
	t.told, t.untold = now, 0
	t.tell(text)
	return len(p), nil
}
