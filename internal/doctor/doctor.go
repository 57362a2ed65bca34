// Package doctor examines what submsg depends on, check by check: what it finds, whether that is well, and what a
// person does if it is not.
//
// It holds the checks of the database server, and the order in which checks are made. It knows no template, no channel
// and no rule: the command adds the checks that need those packages. It changes nothing that it looks at.
//
// Begin reading at Check and Examine, then database.go for the first checks.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Level is how well something is.
type Level string

const (
	OK      Level = "ok"
	Warn    Level = "warn"    // works, and may not always
	Fail    Level = "fail"    // doesn't work, or will break
	Skipped Level = "skipped" // couldn't be looked at
)

// Finding is what one check has found.
type Finding struct {
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Says   string `json:"says"`
	Remedy string `json:"remedy,omitempty"` // what a person can do about it
}

// String is the finding on one line.
func (f Finding) String() string {
	line := fmt.Sprintf("%-8s%-15s%s", f.Level, f.Check, f.Says)
	if f.Level == Skipped {
		line = fmt.Sprintf("%-8s%-15sbecause %s", f.Level, f.Check, f.Says)
	}
	if f.Remedy != "" {
		line += " → " + f.Remedy
	}
	return strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// Fine is a finding that leaves nothing to do.
func Fine(format string, args ...any) Finding {
	return Finding{Level: OK, Says: fmt.Sprintf(format, args...)}
}

// NotNow is the finding of a check that couldn't be made.
func NotNow(format string, args ...any) Finding {
	return Finding{Level: Skipped, Says: fmt.Sprintf(format, args...)}
}

// Check is one thing to look at. Needs names checks that stand before it in the list: if one of those failed or was
// skipped, this one is skipped. An error of Examine is a failure, or, where the login lacks a right to look, a reason
// to skip.
type Check struct {
	Name    string
	Needs   []string
	Examine func(context.Context) (Finding, error)
}

// checkWithin bounds one check.
const checkWithin = 15 * time.Second

// Examine makes the checks in their order, except those to leave out, and tells each finding as it comes. It returns
// how many failed.
func Examine(ctx context.Context, checks []Check, leaveOut []string, tell func(Finding)) (failed int) {
	well := map[string]bool{}
	for _, c := range checks {
		f := c.examine(ctx, leaveOut, well)
		f.Check = c.Name
		well[c.Name] = f.Level == OK || f.Level == Warn
		if f.Level == Fail {
			failed++
		}
		tell(f)
	}
	return failed
}

func (c Check) examine(ctx context.Context, leaveOut []string, well map[string]bool) Finding {
	if slices.Contains(leaveOut, c.Name) {
		return NotNow("--skip says so")
	}
	for _, needed := range c.Needs {
		if !well[needed] {
			return NotNow("it needs the check %q to be well", needed)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	f, err := c.Examine(ctx)
	if pg := new(pgconn.PgError); errors.As(err, &pg) && pg.Code == "42501" {
		return NotNow("the login may not look: %s", pg.Message)
	}
	if err != nil {
		return Finding{Level: Fail, Says: err.Error()}
	}
	return f
}
