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
	"github.com/sirupsen/logrus"
)

// skiplist holds the ids of rows that the database refuses to write, because of a constraint or a trigger that an
// administrator has made. They are skipped for a while, so that they don't hold up the others.
type skiplist struct {
	mu     sync.Mutex
	since  map[int64]time.Time  // by id: when it was refused
	logged map[string]time.Time // by SQLSTATE: when this reason was logged
}

// ids returns the rows to skip. Those whose time is over are forgotten, and are thereby tried again.
func (s *skiplist) ids() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.since, func(_ int64, since time.Time) bool { return time.Since(since) > skipFor })
	list := make([]int64, 0, len(s.since)) // never nil, because id <> ALL (NULL) is true for no row
	return slices.AppendSeq(list, maps.Keys(s.since))
}

// add skips a row. news: the reason was not logged of late.
func (s *skiplist) add(id int64, reason string) (news bool) {
	s.mu.Lock()
	s.since[id] = time.Now()
	s.mu.Unlock()
	return s.news(reason)
}

// news tells whether a reason was not logged of late. The caller logs it then.
func (s *skiplist) news(reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := time.Since(s.logged[reason]) > skipFor
	if news {
		s.logged[reason] = time.Now()
	}
	return news
}

// skip puts a row on the skiplist that the database refuses to write.
func (c *Consumer) skip(id int64, why error) {
	level := logrus.DebugLevel
	if c.skipped.add(id, sqlState(why)) {
		level = logrus.ErrorLevel
	}
	c.cfg.Log.WithField("id", id).Logf(level, "the database lets nobody write this message, and perhaps others: "+
		"they are tried every %s until the constraint or trigger that refuses them is mended: %v", skipFor, why)
}

// skipNext skips the row that a refused claim of a single message was about. The database doesn't say which row that
// was, so the claim is made again without its UPDATE.
func (c *Consumer) skipNext(ctx context.Context, why error, from selection) error {
	skipped := c.skipped.ids()
	if len(skipped) >= mostSkipped {
		return why
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	var id int64
	err := c.cfg.Pool.QueryRow(ctx, from.due+` SELECT id FROM due`,
		skipped, 1, from.after, from.id, c.recipients.queued()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // somebody else has it
	}
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	c.skip(id, why)
	return nil
}
