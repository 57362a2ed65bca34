package attacks

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/cli/terminal"
)

// output is what a command has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run runs a command to its end, or until it has said what it is waited for.
func run(t *testing.T, i invocation) (out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var o, e output
	done := make(chan struct{})
	go func() {
		defer close(done)
		command.RunUntil(ctx, i.args, terminal.New(strings.NewReader(i.in), &o, &e))
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for said := false; ; {
		select {
		case <-done:
			if i.until != "" && !said {
				t.Errorf("submsg %q never said %s:\n%s%s", i.args, i.until, o.String(), e.String())
			}
			return o.String(), e.String()
		case <-tick.C:
			if i.until != "" && strings.Contains(o.String()+e.String(), i.until) {
				said = true
				cancel()
			}
		}
	}
}

// shown fails unless all that was printed is seen, and in its place.
func shown(t *testing.T, i invocation, printed string) {
	t.Helper()
	for _, r := range printed {
		joins := r == '\u200c' || r == '\u200d'
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) && r != '\n' && r != '\t' && !joins || r == '\u3164' {
			t.Errorf("submsg %q prints %U:\n%q", i.args, r, printed)
			break
		}
	}
	if !utf8.ValidString(printed) {
		t.Errorf("submsg %q prints what is no UTF-8:\n%q", i.args, printed)
	}
	if strings.Contains(printed, "\nFORGED") {
		t.Errorf("submsg %q prints a line that it didn't make:\n%s", i.args, printed)
	}
}

// programs fails unless JSON is JSON, and holds the values as they are.
func programs(t *testing.T, i invocation, out, errs string) {
	t.Helper()
	var texts []string
	switch {
	case slices.Contains(i.args, "--json"):
		texts = []string{out}
	case slices.Contains(i.args, "--log-format=json"):
		texts = strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
	default:
		return
	}
	held := false
	for _, text := range texts {
		var got any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("submsg %q: %v\n%s", i.args, err, text)
		}
		held = held || holds(got, unseen)
	}
	if !held {
		t.Errorf("submsg %q: the values are not as they were:\n%s%s", i.args, out, errs)
	}
}

// holds looks for a text in what JSON said.
func holds(value any, text string) bool {
	inside := func(v any) bool { return holds(v, text) }
	switch v := value.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, inside)
	case map[string]any:
		for name, v := range v {
			if strings.Contains(name, text) || inside(v) {
				return true
			}
		}
	}
	return false
}
