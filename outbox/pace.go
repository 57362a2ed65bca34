package outbox

import (
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox/internal/store"
)

// CheckRate tells whether rate can be a Config's: messages per second, 0 for no limit.
func CheckRate(rate float64) error {
	if rate == 0 || rate >= leastRate && rate <= mostRate { // not so for NaN
		return nil
	}
	return fmt.Errorf("a rate of %v messages per second: "+
		"it must be 0 (no limit), or between one an hour and %.0f per second", rate, mostRate)
}

// pacer keeps the permits that the rate of an account gives to a dispatcher.
type pacer struct {
	rate float64
	log  *logrus.Entry

	have        int       // granted, and not used yet
	until       time.Time // they are good
	next        time.Time // there is none before
	want        int       // to ask for: one more than were used the last time, and twice as many where all were
	sinceNewest int       // messages claimed from the front of a backlog since one was claimed from its end
	locked      int       // tries in a row that met somebody's lock
}

// toAsk is how many permits to ask the bucket for, to send up to n messages. It is 0 where some are left.
func (p *pacer) toAsk(n int, now time.Time) int {
	if p.rate == 0 || p.have > 0 && now.Before(p.until) {
		return 0
	}
	p.have = 0
	return min(n, max(p.want, leastAsk))
}

// told takes in what the bucket has granted.
func (p *pacer) told(asked int, got store.Permits, now time.Time) {
	p.locked, p.have, p.until = 0, got.Granted, now.Add(permitsKept)
	if got.Waiting && got.Granted < asked {
		p.next = time.Now().Add(max(got.Next, paceStep))
	}
}

// metLock notes that somebody holds the bucket: another replica, or a person.
func (p *pacer) metLock(now time.Time) {
	if p.locked++; p.locked == mostPaceLocks {
		p.log.Warn("somebody holds the row of subMsgPace locked: messages wait")
	}
	p.next = now.Add(paceLockedRest)
}

// may is how many of n messages may go. It is 0 where nothing is due, or until untilPermit.
func (p *pacer) may(n int) int {
	if p.rate == 0 {
		return n
	}
	return min(n, p.have)
}

// spend notes that n of the permits were used, where so many messages could have gone.
func (p *pacer) spend(may, n int) {
	if p.rate == 0 {
		return
	}
	p.have -= n
	if p.want = n + 1; n == may {
		p.want = 2 * n
	}
}

// untilPermit is how long there is certainly no permit.
func (p *pacer) untilPermit() time.Duration {
	if p.have > 0 {
		return 0
	}
	return max(time.Until(p.next), 0)
}

// newestPermits is how many of n permits go to new messages: a quarter while there is a backlog, as in an exchange.
func (p *pacer) newestPermits(n int) int { return min(n, p.sinceNewest/(newestShare-1)) }

// countBacklog counts a claim of n messages from the front of the queue. full: it has left a backlog.
func (p *pacer) countBacklog(n int, full bool) {
	p.sinceNewest += n
	if !full || p.rate == 0 {
		p.sinceNewest = 0
	}
}
