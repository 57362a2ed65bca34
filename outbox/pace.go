package outbox

import (
	"context"
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

// pacer keeps the permits that the rate gives to a dispatcher.
type pacer struct {
	rate float64
	log  *logrus.Entry
	ask  func(ctx context.Context, n int) (store.Permits, error) // takes up to n permits from the bucket

	have        int       // granted, and not used yet
	until       time.Time // they are good
	next        time.Time // there is none before
	want        int       // to ask for: one more than were used the last time, and twice as many where all were
	sinceNewest int       // messages claimed from the front of a backlog since one was claimed from its end
	locked      int       // tries in a row that met somebody's lock
}

// takePermits takes leave to send up to n messages. It gets 0 where nothing is due, or until untilPermit.
func (p *pacer) takePermits(ctx context.Context, n int) (int, error) {
	if p.rate == 0 {
		return n, nil
	}
	now := time.Now()
	if p.have > 0 && now.Before(p.until) {
		return min(n, p.have), nil
	}
	p.have = 0
	ask := min(n, max(p.want, leastAsk))
	got, err := p.ask(ctx, ask)
	if store.SQLState(err) == store.LockNotAvailable { // by another replica, or by hand
		if p.locked++; p.locked == mostPaceLocks {
			p.log.Warn("somebody holds the row of subMsgPace locked: messages wait")
		}
		p.next = now.Add(paceLockedRest)
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("pace: %w", err)
	}
	p.locked, p.have, p.until = 0, got.Granted, now.Add(permitsKept)
	if got.Waiting && got.Granted < ask {
		p.next = time.Now().Add(max(got.Next, paceStep))
	}
	return got.Granted, nil
}

// spendPermits notes that n of the permits that were taken were used.
func (p *pacer) spendPermits(taken, n int) {
	if p.rate == 0 {
		return
	}
	p.have -= n
	if p.want = n + 1; n == taken {
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
