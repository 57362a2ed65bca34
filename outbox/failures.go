package outbox

import (
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox/internal/store"
)

// failures counts the rounds in a row that ended with trouble of the database, and logs them.
type failures struct {
	log         *logrus.Entry
	n           int
	loggedState string // the SQLSTATE of the last of them that was logged
}

// rest notes how a round ended, and tells how long to leave the database alone.
func (f *failures) rest(err error) time.Duration {
	if err == nil {
		if f.n > 0 {
			f.log.Info("the database is back")
		}
		f.n = 0
		return 0
	}
	if code := store.SQLState(err); f.n%100 == 0 || code != f.loggedState {
		f.log.Errorf("database trouble, messages wait: %v", err)
		f.loggedState = code
	}
	f.n++
	return databaseRest(f.n)
}
