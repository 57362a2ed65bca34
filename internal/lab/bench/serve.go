package bench

import (
	"context"
	"errors"
	"strconv"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// serve runs `submsg serve`, as in production a process of its own, while during runs. It begins when the consumer has
// found nothing to do and sleeps, or, with a backlog, at once.
func (d *database) serve(ctx context.Context, f *fake, backlog bool, during func(*child) error) error {
	if err := d.exec(ctx, awakeSQL); err != nil {
		return err
	}
	c, err := d.start(nil, []string{
		"DATABASE_URL=" + d.url, "SUBMSG_WECHAT_URL=" + f.url,
		"SUBMSG_WECHAT_APPID=" + fakewechat.DefaultAppID, "SUBMSG_WECHAT_SECRET=" + fakewechat.DefaultSecret,
		"SUBMSG_SENDERS=" + strconv.Itoa(d.cfg.Senders), "SUBMSG_HTTP_ADDR=off", "SUBMSG_LOG_LEVEL=warn",
	}, "serve")
	if err != nil {
		return err
	}
	if !backlog {
		err = d.asleep(ctx)
	}
	if err == nil {
		err = during(c)
	}
	if stopped := c.stop(); stopped != nil {
		return errors.Join(err, stopped)
	}
	return err
}

// asleep waits until a consumer wants to be woken.
func (d *database) asleep(ctx context.Context) error {
	return d.await(ctx, "a consumer to fall asleep", asleepSQL)
}

// drained waits until nothing waits any more. The indexes that answer this hold just such rows.
func (d *database) drained(ctx context.Context) error {
	return await(ctx, d.pool, 20*patience, "the queue to drain", `
		SELECT NOT EXISTS (SELECT FROM subMsgList WHERE sendStatus = 'wait')
			AND NOT EXISTS (SELECT FROM subMsgList WHERE sendStatus = 'sending')`)
}
