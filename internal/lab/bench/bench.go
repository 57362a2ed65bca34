// Package bench measures submsg against the limits of the machine it runs on, for `submsg bench`. It knows nothing of
// submsg's inside: it inserts, watches the tables and the fake WeChat, and reads Postgres's counters.
//
// Begin reading at the list of figures in this file; each figure has a file of its own, such as drain.go. turns.go
// compares a figure with its limit, and README.md tells what each figure means and what it doesn't.
//
// # How it measures
//
// Each figure has a limit: what the same machine does in the same run without submsg's part of the work (no database,
// no trigger, no queue). The two take turns for several rounds, and their medians are compared, so that the ratio says
// something where the numbers alone don't.
//
// It works in databases of its own, which it creates and drops, on a private Postgres or on a server that it is given.
// It runs its own binary again for the fake WeChat and for `submsg serve`.
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Config says what to measure and on what. Self, Scale and Log are needed.
type Config struct {
	Self        string            // path of the submsg binary
	DatabaseURL string            // postgres://…, a role with CREATEDB; "" runs a private Postgres as it comes
	Only        []string          // names of figures; none means all
	Senders     int               // sends at once, where the figure doesn't say; 0 means 64, as serve's default
	Scale       Scale             // how much of everything
	Progress    func(step string) // called at each step; may be nil
	Log         *logrus.Entry
}

// figures in the order in which they are measured.
var figures = []struct {
	name    string
	measure func(suite, context.Context) ([]Line, error)
}{
	{"drain", suite.drain},
	{"inserts", suite.inserts},
	{"wake", suite.wake},
	{"sustained", suite.sustained},
	{"fairness", suite.fairness},
	{"backlog", suite.backlog},
	{"pinned", suite.pinned},
	{"cost", suite.cost},
}

// Names are the figures that Config.Only may name.
func Names() []string {
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
	}
	return names
}

// Run measures, and cleans up whatever happens. Its error says which figure could not be measured and why; an unsent or
// twice sent message is one. A slow machine is none.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	for _, name := range cfg.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no figure %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if cfg.Senders == 0 {
		cfg.Senders = 64
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	began := time.Now()
	l, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	report, err := l.about(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range figures {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, f.name) {
			continue
		}
		lines, err := f.measure(suite{l}, ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		report.Lines = append(report.Lines, lines...)
	}
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}
