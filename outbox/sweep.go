package outbox

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/failpoint"
)

// sweeper ends what nobody else ends: messages past their expireTime, claims past their lease, rows of no claim.
type sweeper struct{ *Consumer }

// overdueSQL finds the rows of claims past their lease that nobody has settled.
const overdueSQL = `
SELECT m.id, m.claimId, m.templateId, m.attempts FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
WHERE c.leaseUntil <= now() AND m.sendStatus = 'sending' AND m.leaseUntil <= now() AND m.id <> ALL ($1) LIMIT 1000`

const deleteOverdueClaimsSQL = `DELETE FROM subMsgClaim c WHERE leaseUntil <= now() AND ` + nothingSending

// sweep settles "sending" rows whose lease is over, in the name of whoever claimed them: as unknown, because they may
// have been sent.
func (s sweeper) sweep(ctx context.Context) error {
	type overdue struct {
		ID         int64
		ClaimID    string
		TemplateID string
		Attempts   int
	}
	rows, err := s.cfg.Pool.Query(ctx, overdueSQL, s.skipped.ids())
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[overdue])
	if err != nil {
		return err
	}
	var crashed []settlement
	for i, o := range found {
		m := claimed{Claimed: Claimed{ID: o.ID, TemplateID: o.TemplateID, Attempt: o.Attempts}, claim: o.ClaimID}
		r := m.settlement(s.crashVerdict(m), s.cfg.MaxAttempts)
		r.delay += time.Duration(i) * resendGap
		crashed = append(crashed, r)
	}
	if len(crashed) > 0 {
		if err := s.settleCrashed(ctx, crashed); err != nil {
			return err
		}
	}
	batch := new(pgx.Batch)
	batch.Queue(planSQL)
	batch.Queue(deleteOverdueClaimsSQL)
	return s.cfg.Pool.SendBatch(ctx, batch).Close()
}

func (s sweeper) settleCrashed(ctx context.Context, crashed []settlement) error {
	s.cfg.Log.WithField("messages", len(crashed)).Warn("not settled within their lease, " +
		"whether they were sent is unknown: ask the users, then set sendStatus to wait to send again, or to success " +
		"if it came")
	failpoint.Hit("sweeping")
	return writeSplitting(crashed, func(part []settlement) error {
		_, err := s.write(ctx, part)
		return err
	}, func(r settlement, why error) { s.skip(r.id, why) })
}

// crashVerdict is the verdict on a message whose sender was never heard of again.
func (s sweeper) crashVerdict(m claimed) Verdict {
	switch {
	case s.cfg.Resend == nil || !s.cfg.Resend(m.TemplateID):
		return Verdict{Outcome: Unknown, Kind: kindCrashed, Text: textCrashed}
	case m.Attempt >= mostCrashes:
		return Verdict{Outcome: Unknown, Kind: kindCrashedRepeatedly, Text: textCrashedRepeatedly}
	}
	return Verdict{Outcome: Later, Doubt: true, Kind: kindCrashed,
		Text: "发送中断，按模板 onUnknown 自动重发 (the sender stopped in mid-send)"}
}
