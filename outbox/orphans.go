package outbox

import "context"

// noteOrphansSQL notes the claims that "sending" rows say they are of, where nobody has noted them. Whoever writes
// "sending" past the guards, or loads the table of messages without that of claims, leaves such rows, and no sweep
// would find them.
const noteOrphansSQL = `
INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
SELECT claimId, max(leaseUntil), pg_catalog.array_agg(id) FROM subMsgList m
WHERE sendStatus = 'sending' AND NOT EXISTS (SELECT FROM subMsgClaim c WHERE c.claimId = m.claimId AND m.id = ANY (c.ids))
GROUP BY claimId
ON CONFLICT DO NOTHING`

// noteOrphans notes the claims of orphaned rows, at the start and every day, until ctx is done. There is no index to
// find them by, as it would cost every claim and settlement.
func (s sweeper) noteOrphans(ctx context.Context) {
	for {
		rest := orphansEvery
		n, err := s.noteOrphansOnce(ctx)
		if n > 0 {
			s.cfg.Log.WithField("claims", n).Warn(`found messages that are "sending" in nobody's name: ` +
				`they will be unknown when their lease is over`)
			s.wakeUp() // the claimer has looked before
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warnf("could not look for messages that nobody is sending, the next try is in %s: %v",
				orphansAgain, err)
			rest = orphansAgain
		}
		if !sleep(ctx, rest) {
			return
		}
	}
}

func (s sweeper) noteOrphansOnce(ctx context.Context) (claims int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, orphansTimeout)
	defer cancel()
	tag, err := s.cfg.Pool.Exec(ctx, noteOrphansSQL)
	return tag.RowsAffected(), err
}
