package outbox

import (
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox/internal/store"
)

// skiplist holds the ids of rows that the database refuses to write, because of a constraint or a trigger that an
// administrator has made. They are skipped for a while, so that they don't hold up the others. Whoever writes rows has
// one of his own.
type skiplist struct {
	log    *logrus.Entry
	rows   map[int64]refusal    // by id
	logged map[string]time.Time // by SQLSTATE: when this reason was logged
}

type refusal struct {
	since time.Time
	why   string
}

func newSkiplist(log *logrus.Entry) skiplist {
	return skiplist{log: log, rows: make(map[int64]refusal), logged: make(map[string]time.Time)}
}

// ids returns the rows to skip. Those whose time is over are forgotten, and are thereby tried again.
func (s *skiplist) ids() []int64 {
	if len(s.rows) == 0 {
		return nil
	}
	maps.DeleteFunc(s.rows, func(_ int64, r refusal) bool { return time.Since(r.since) > skipFor })
	return slices.Collect(maps.Keys(s.rows))
}

// full tells that no more rows are skipped: where more can't be written, the reason isn't the rows.
func (s *skiplist) full() bool { return len(s.rows) >= mostSkipped }

// reasons tells of so many rows at most why they are skipped.
func (s *skiplist) reasons(most int) map[int64]string {
	why := make(map[int64]string)
	for id, r := range s.rows {
		if len(why) == most {
			break
		}
		why[id] = r.why
	}
	return why
}

// news tells whether a reason was not logged of late. The caller logs it then.
func (s *skiplist) news(reason string) bool {
	news := time.Since(s.logged[reason]) > skipFor
	if news {
		s.logged[reason] = time.Now()
	}
	return news
}

// skip puts a row on the skiplist that the database refuses to write.
func (s *skiplist) skip(id int64, why error) {
	s.rows[id] = refusal{time.Now(), why.Error()}
	level := logrus.DebugLevel
	if s.news(store.SQLState(why)) {
		level = logrus.ErrorLevel
	}
	s.log.WithField("id", id).Logf(level, "the database lets nobody write this message, and perhaps others: "+
		"they are tried every %s until the constraint or trigger that refuses them is mended: %v", skipFor, why)
}
