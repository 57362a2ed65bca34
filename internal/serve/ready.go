package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/httpserver"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
)

// readyWithin bounds an answer: what takes longer isn't ready.
const readyWithin = 2 * time.Second

// tokenWithin bounds how long an account that hangs holds up the answer about all.
const tokenWithin = time.Second

// readiness answers whether messages that are inserted now would go out, and if not, why.
type readiness struct {
	pool      *pgxpool.Pool
	live      *account.Live
	router    *account.Router // not yet counted
	polls     bool            // as configured: there is no listener
	listening func() bool
	log       *logrus.Entry
	trouble   func() string // why messages aren't claimed; "" while that works

	mu     sync.Mutex // one look at a time: they must not take the pool from the messages
	looked time.Time
	seen   readyAnswer // at the last look
}

// readyFor is how long an answer holds: questions that wait for one another share it.
const readyFor = 500 * time.Millisecond

// readyAnswer is the body of /readyz.
type readyAnswer struct {
	Ready  bool         `json:"ready"`
	Checks []readyCheck `json:"checks"`
}

type readyCheck struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Says  string `json:"says,omitempty"`
}

// ServeHTTP answers 200, or 503 when a check fails; the body says which. It says why to those on this machine only: the
// reasons name hosts, logins and databases. Whoever may read the log finds them there.
func (r *readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	answer := r.look()
	if !httpserver.Local(req) {
		answer.Checks = slices.Clone(answer.Checks)
		for i := range answer.Checks {
			answer.Checks[i].Says = ""
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(terminal.NewOutput(w)).Encode(answer) // who asked may be gone
}

// look checks everything, unless that was done just now.
func (r *readiness) look() readyAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.looked.IsZero() && time.Since(r.looked) < readyFor {
		return r.seen
	}
	// The one who asks may leave, the others go on waiting for the answer.
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	answer := readyAnswer{Ready: true, Checks: r.checks(ctx)}
	for i, c := range answer.Checks {
		answer.Ready = answer.Ready && c.OK
		if before := len(r.seen.Checks) == 0 || r.seen.Checks[i].OK; before != c.OK {
			r.logChange(c)
		}
	}
	r.seen, r.looked = answer, time.Now()
	return answer
}

func (r *readiness) logChange(c readyCheck) {
	if c.OK {
		r.log.Infof("ready again, %s: %s", c.Check, c.Says)
		return
	}
	r.log.Warnf("not ready, %s: %s", c.Check, terminal.OneLine(c.Says))
}

func (r *readiness) checks(ctx context.Context) []readyCheck {
	database, schema := readyCheck{"database", true, "reachable"}, readyCheck{"schema", false, "unknown"}
	if err := r.pool.Ping(ctx); err != nil {
		database.OK, database.Says = false, "it can't be reached: "+terminal.OneLine(err.Error())
	} else if state, err := migrations.StateOf(ctx, r.pool); cmp.Or(err, state.CheckTables()) != nil {
		schema.Says = terminal.OneLine(cmp.Or(err, state.CheckTables()).Error())
	} else {
		schema.OK, schema.Says = true, state.String()
	}
	pause := readyCheck{"pause", true, "none for a person to lift"}
	if why, err := outbox.Stopped(ctx, r.pool); err != nil {
		pause.OK, pause.Says = false, "unknown"
	} else if why != "" {
		pause.OK, pause.Says = false, why
	}
	claims := readyCheck{"claims", true, "working"}
	if why := r.trouble(); why != "" {
		claims.OK, claims.Says = false, terminal.OneLine(why)
	}
	n := len(r.live.Templates().All())
	loaded := readyCheck{"templates", n > 0, fmt.Sprint(n, " loaded")}
	return []readyCheck{database, schema, claims, pause, r.token(ctx), loaded, r.wakes()}
}

// token is fine where one account has what its sends need: the others wait by themselves. It names those that haven't.
func (r *readiness) token(ctx context.Context) readyCheck {
	ctx, cancel := context.WithTimeout(ctx, tokenWithin)
	defer cancel()
	all := r.router.Accounts()
	says := make([]string, len(all))
	var group sync.WaitGroup
	for i, a := range all {
		group.Go(func() {
			if v := r.router.Ready(ctx, a.Name); v.Outcome != outbox.Accepted {
				says[i] = v.Text
				if len(all) > 1 {
					says[i] = a.Name + ": " + v.Text
				}
			}
		})
	}
	group.Wait()
	lacking := slices.DeleteFunc(says, func(s string) bool { return s == "" })
	if len(lacking) == 0 {
		return readyCheck{"token", true, "at hand"}
	}
	return readyCheck{"token", len(lacking) < len(all), terminal.Some(lacking)}
}

// wakes says how messages are found. None of the ways makes a submsg unready.
func (r *readiness) wakes() readyCheck {
	switch {
	case r.polls:
		return readyCheck{"wakes", true, "not asked for, messages are found by polling"}
	case r.listening():
		return readyCheck{"wakes", true, "arriving"}
	}
	return readyCheck{"wakes", true, "not arriving, messages are found by polling: see the log"}
}
