package bench

import (
	"context"
	"fmt"

	"github.com/submsg/submsg/outbox"
)

// The message that everybody sends: a shipped template with values as they occur, each to a person of its own.
var params = []string{"生椰拿铁 大杯 热", "19.90", "已发货", "感谢您的惠顾，期待再次光临"}

const template = "orderStatus"

func openid(n int) string { return fmt.Sprintf("o%027d", n) }

func message(n int) outbox.Claimed {
	return outbox.Claimed{ID: int64(n), OpenID: openid(n), TemplateID: template, Params: params, Attempt: 1}
}

const chunk = 100_000

const fillSQL = `
INSERT INTO subMsgList (openid, templateId, parameterArr)
SELECT 'o' || lpad(n::text, 27, '0'), $1, $2 FROM generate_series($3::int, $4::int) AS n`

const fillSettledSQL = `
INSERT INTO subMsgList (openid, templateId, parameterArr, sendStatus, sendStatusMsg, errCode, sendTime, attempts, claimId)
SELECT 'o' || lpad(n::text, 27, '0'), $1, $2, 'success', 'ok', 0, now(), 1, gen_random_uuid() FROM generate_series($3::int, $4::int) AS n`

// fill writes waiting messages, and lets the planner know.
func (d *database) fill(ctx context.Context, n int) error { return d.write(ctx, fillSQL, n) }

// fillSettled writes messages that are over. They have no msgId, which tells them from those that were sent here.
func (d *database) fillSettled(ctx context.Context, n int) error {
	return d.write(ctx, fillSettledSQL, n)
}

func (d *database) write(ctx context.Context, sql string, n int) error {
	for first := d.last + 1; n > 0; first = d.last + 1 {
		if n > chunk {
			d.step("writing messages: %d to go", n)
		}
		part := min(n, chunk)
		if err := d.exec(ctx, sql, template, params, first, first+part-1); err != nil {
			return err
		}
		d.last, n = d.last+part, n-part
	}
	return d.exec(ctx, `ANALYZE subMsgList`)
}

// settled counts the messages that were sent and settled here. It is an error if one that was tried ended otherwise.
func (d *database) settled(ctx context.Context) (n int, err error) {
	var otherwise int
	err = d.pool.QueryRow(ctx, `
		SELECT count(msgId), count(*) FILTER (WHERE attempts > 0 AND sendStatus <> 'success')
		FROM subMsgList`).Scan(&n, &otherwise)
	if err == nil && otherwise > 0 {
		err = fmt.Errorf("%d messages were tried and did not end as success", otherwise)
	}
	return n, err
}
