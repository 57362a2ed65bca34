package outbox

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const pastExpireTimeSQL = `
SELECT id FROM subMsgList WHERE dueAt IS NOT NULL AND expireTime <= now() AND id <> ALL ($1) ORDER BY expireTime LIMIT 1000`

const expireSQL = `
UPDATE subMsgList SET sendStatus = 'expired', errKind = '` + kindExpired + `',
    sendTime = clock_timestamp(), updateTime = clock_timestamp(),
    sendStatusMsg = pg_catalog.concat_ws('; ', '` + textExpired + `', sendStatusMsg)
WHERE id IN (SELECT id FROM subMsgList WHERE id = ANY ($1) AND sendStatus = 'wait' AND expireTime <= now() FOR UPDATE SKIP LOCKED)`

// expire ends waiting messages whose expireTime has passed.
func (s sweeper) expire(ctx context.Context) error {
	rows, err := s.cfg.Pool.Query(ctx, pastExpireTimeSQL, s.skipped.ids())
	if err != nil {
		return err
	}
	past, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(past) == 0 {
		return err
	}
	expired := int64(0)
	err = writeSplitting(past, func(ids []int64) error {
		tag, err := s.cfg.Pool.Exec(ctx, expireSQL, ids)
		expired += tag.RowsAffected()
		return err
	}, s.skip)
	if expired > 0 {
		s.cfg.Log.WithField("messages", expired).Warn("expired before they could be sent: " +
			"set sendStatus to wait, with a later expireTime, to send them all the same")
	}
	return err
}
