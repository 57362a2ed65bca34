package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox/internal/store"
)

// failures counts the rounds in a row that ended with trouble of the database, and logs them.
type failures struct {
	log         *logrus.Entry
	n           int
	said        bool   // that there is trouble
	loggedState string // the SQLSTATE of the last of them that was logged
}

// rest notes how a round ended, and tells how long to leave the database alone.
func (f *failures) rest(err error) time.Duration {
	if err == nil {
		if f.said {
			f.log.Info("the database is back")
		}
		f.n, f.said = 0, false
		return 0
	}
	if isLock(err) { // of the whole table: most are over in a moment
		if f.n++; f.n == mostTableLocks {
			f.said = true
			f.log.Warnf("somebody holds a table of submsg's locked, messages wait: %v", err)
		}
		return databaseRest(f.n)
	}
	f.said = true
	if code := store.SQLState(err); f.n%100 == 0 || code != f.loggedState {
		f.log.Errorf("database trouble, messages wait: %v", err)
		f.loggedState = code
	}
	f.n++
	return databaseRest(f.n)
}

// resetAfter gives up all of a pool's connections where one has not answered: whatever swallows its packets swallows
// those of the others that were open then, and to find that out takes as long for each.
func resetAfter(err error, pool *pgxpool.Pool) {
	if errors.Is(err, context.DeadlineExceeded) {
		pool.Reset()
	}
}

// isLock tells whether a round met somebody's lock.
func isLock(err error) bool { return store.SQLState(err) == store.LockNotAvailable }
