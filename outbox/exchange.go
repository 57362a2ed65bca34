package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// While there is a backlog, what is settled and what is claimed in its stead go in one transaction, an exchange: that
// is one round trip, and one flush of the WAL. And verdicts are collected for a moment before, so that the fixed cost
// of a statement is paid for many messages at once.

// exchanges is what the settler remembers of its exchanges.
type exchanges struct {
	after     position      // claims begin here
	frontAt   time.Time     // when a claim began at the front of the queue
	frontTook time.Duration // how long that took
	newestAt  time.Time     // when new messages were claimed
	took      time.Duration // by the last exchange
}

// collect takes the verdicts that are there, and while there is a backlog waits for more.
func (s *settler) collect(batch []judged) []judged {
	for n := len(s.verdicts); n > 0; n-- {
		batch = append(batch, <-s.verdicts)
	}
	if !s.hasBacklog.Load() {
		return batch
	}
	limit := time.NewTimer(min(max(collectShare*s.exchanges.took, leastCollect), mostCollect))
	defer limit.Stop()
	for len(batch) < s.cfg.Senders/collectSenders {
		select {
		case j, ok := <-s.verdicts:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		case <-limit.C:
			return batch
		}
	}
	return batch
}

// exchange settles rows and claims as many. ok: it did; otherwise nothing is known to be done, and the settler and
// the claimer each do their part by themselves.
func (s *settler) exchange(ctx context.Context, rows []settlement) (left []settlement, got []claimed, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	if !s.readyNow(ctx) {
		return rows, nil, false
	}
	var done []int64
	batch := new(pgx.Batch)
	queueSettlements(batch, rows, &done)
	n, began := len(rows), time.Now()
	defer func() { s.exchanges.took = time.Since(began) }()
	from := oldest
	from.after, from.id = s.exchanges.after.dueAt, s.exchanges.after.id
	if time.Since(s.exchanges.frontAt) > max(frontEvery, frontShare*s.exchanges.frontTook) {
		from = oldest
		defer func() { s.exchanges.frontAt, s.exchanges.frontTook = time.Now(), time.Since(began) }()
	}
	var gotNewest []claimed
	id, newestID := uuid.NewString(), uuid.NewString()
	if time.Since(s.exchanges.newestAt) > newestEvery {
		s.exchanges.newestAt = time.Now()
		share := max(n/newestShare, 1)
		n -= share
		s.queueClaim(batch, &gotNewest, newestID, newest, share)
	}
	s.queueClaim(batch, &got, id, from, n)
	if err := s.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		if !isRefusal(err) && sqlState(err) != lockNotAvailable {
			s.claims.lose(id)
			s.claims.lose(newestID)
		}
		return rows, nil, false
	}
	s.claims.begin(id, len(got))
	s.claims.begin(newestID, len(gotNewest))
	for _, m := range got {
		if s.exchanges.after.before(m.position) {
			s.exchanges.after = m.position
		}
	}
	if len(got) < n {
		s.endBacklog()
	}
	return without(rows, done), append(gotNewest, got...), true
}

// readyNow asks the Sender what the claimer asks before it claims, but doesn't wait for it, because outcomes are to
// be written.
func (s *settler) readyNow(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, mostCollect)
	defer cancel()
	return s.cfg.Sender.Ready(ctx).Outcome == Accepted
}

// endBacklog ends exchanges: from now on the claimer claims by itself.
func (s *settler) endBacklog() {
	s.hasBacklog.Store(false)
	s.exchanges.after = queueFront
	s.wakeUp()
}
