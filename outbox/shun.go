package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sirupsen/logrus"
)

const (
	shunFor  = time.Minute
	mostShun = 1000 // where more can't be written it isn't about rows
)

// shunned are the rows that the database lets nobody write, because of a constraint or a trigger that an administrator has
// made, and since when that is known: they are left alone for a while, so that they don't hold up the others.
type shunned struct {
	mu    sync.Mutex
	since map[int64]time.Time
	said  map[string]time.Time // when a reason was logged: a SQLSTATE
}

// ids are the rows to leave alone. Those whose time is over are forgotten, and thereby tried again.
func (s *shunned) ids() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.since, func(_ int64, since time.Time) bool { return time.Since(since) > shunFor })
	return slices.AppendSeq(make([]int64, 0, len(s.since)), maps.Keys(s.since)) // never nil, which <> ALL takes for unknown
}

// add leaves a row alone. news: for a reason that was not logged of late.
func (s *shunned) add(id int64, reason string) (news bool) {
	s.mu.Lock()
	s.since[id] = time.Now()
	s.mu.Unlock()
	return s.news(reason)
}

// news tells whether a reason was not logged of late, and takes it for logged.
func (s *shunned) news(reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := time.Since(s.said[reason]) > shunFor
	if news {
		s.said[reason] = time.Now()
	}
	return news
}

// shun leaves a row alone that the database refuses to write.
func (c *Consumer) shun(id int64, why error) {
	level := logrus.DebugLevel
	if c.shunned.add(id, sqlState(why)) {
		level = logrus.ErrorLevel
	}
	c.cfg.Log.WithField("id", id).Logf(level,
		"the database lets nobody write this message, and perhaps others: they are tried every %s until the constraint or trigger that refuses them is mended: %v", shunFor, why)
}

// shunNext leaves the row alone that a refused claim of a single one was about: that claim without its UPDATE names it.
func (c *Consumer) shunNext(ctx context.Context, why error, from lane) error {
	leave := c.shunned.ids()
	if len(leave) >= mostShun {
		return why
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	var id int64
	err := c.cfg.Pool.QueryRow(ctx, from.due+` SELECT id FROM due`, leave, 1, from.after, from.id, c.lines.queued()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // somebody else has it
	}
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	c.shun(id, why)
	return nil
}

// apart writes a list at once. Where the database refuses, it writes each half apart, so that what can't be written holds up
// nothing else, down to the single ones, which it hands to refused.
func apart[T any](list []T, write func([]T) error, refused func(T, error)) error {
	err := write(list)
	switch n := len(list); {
	case !refusal(err):
		return err
	case n == 1:
		refused(list[0], err)
		return nil
	default:
		return errors.Join(apart(list[:n/2], write, refused), apart(list[n/2:], write, refused))
	}
}

// refusal tells an error about what was to be written from one about the database's state, by SQLSTATE class (PostgreSQL,
// Appendix A). An administrator's trigger may raise a class of its own.
func refusal(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 || pg.SeverityUnlocalized != "ERROR" { // FATAL and PANIC end the session
		return false
	}
	switch pg.Code[:2] {
	case "08", // connection
		"25", // transaction state: read-only after a demotion
		"26", // statement name: lost with its connection
		"28", // authorization
		"3D", // no such database
		"40", // rollback: deadlock, serialization
		"53", // resources
		"55", // object state: locked
		"57", // operator: shutdown, timeout
		"58": // system
		return false
	}
	return pg.Code != "42P05" && // a statement of that name exists: a pooler's confusion
		pg.Code != "XX000" // internal: a full quota, a limit of the operating system
}
