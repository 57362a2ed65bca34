//go:build faults

package faults

import (
	"fmt"
	"io"
	"sync"
)

// tally counts what was done to submsg, and what came of it.
type tally struct {
	mu       sync.Mutex
	injected map[string]int
	order    []string
	outcome
}

// outcome is what a comparison of ledger and table found.
type outcome struct {
	messages, accepted int // rows, and sends that WeChat took

	lost         int // rows that were inserted and are gone, or at an end that isn't one
	duplicated   int // messages that WeChat took more than once
	falseSuccess int // success without a send that WeChat took
	falseFail    int // fail, cancel, expired or wait although WeChat took it
	stuck        int // not at an end although everything works again
	unknown      int
}

var total = tally{injected: make(map[string]int)}

func (t *tally) inject(what string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.injected[what] == 0 {
		t.order = append(t.order, what)
	}
	t.injected[what] += n
}

func (t *tally) add(o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages += o.messages
	t.accepted += o.accepted
	t.lost += o.lost
	t.duplicated += o.duplicated
	t.falseSuccess += o.falseSuccess
	t.falseFail += o.falseFail
	t.stuck += o.stuck
	t.unknown += o.unknown
}

func (t *tally) print(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(w, "\n%-44s %8s\n", "injected", "times")
	for _, what := range t.order {
		fmt.Fprintf(w, "%-44s %8d\n", what, t.injected[what])
	}
	fmt.Fprintf(w, "\n%-44s %8s\n", "outcome", "messages")
	for _, line := range []struct {
		what string
		n    int
	}{{"inserted", t.messages}, {"taken by WeChat", t.accepted}, {"lost", t.lost}, {"duplicated", t.duplicated},
		{"falsely success", t.falseSuccess}, {"falsely fail", t.falseFail}, {"stuck", t.stuck}, {"unknown", t.unknown}} {
		fmt.Fprintf(w, "%-44s %8d\n", line.what, line.n)
	}
}
