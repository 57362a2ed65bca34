package messages

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
)

// Send is `submsg send`.
type Send struct {
	settings.Database
	OpenID    string        `arg:"" name:"openid" help:"Who."`
	Template  string        `arg:"" help:"Which template: its name or WeChat's id."`
	Params    []string      `arg:"" optional:"" passthrough:"partial" help:"The values, in the order of the template's params."`
	SendAfter time.Duration `name:"after" placeholder:"1h" help:"Not before so long from now."`
	Expire    time.Duration `placeholder:"24h" help:"Never after so long from now."`
	Page      string        `help:"Page to open instead of the template's."`
	DedupKey  string        `help:"Send only once for this key, ever."`
	Wait      time.Duration `default:"30s" help:"How long to follow the message; 0 only inserts."`
}

// followEvery is how often the row is read.
const followEvery = 50 * time.Millisecond

// Run inserts the message and prints what becomes of it. Exit code 0 is success, or inserted with --wait 0.
func (c *Send) Run(ctx context.Context, term terminal.Terminal) error {
	conn, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Check(ctx, conn); err != nil {
		return err
	}
	id, err := c.insert(ctx, conn)
	if err != nil {
		return err
	}
	term.Out.Line("message %d inserted", id)
	if c.Wait == 0 {
		return nil
	}
	return follow(ctx, term, conn, id, c.Wait)
}

func (c *Send) insert(ctx context.Context, conn *pgx.Conn) (id int64, err error) {
	m := outbox.Message{OpenID: c.OpenID, TemplateID: c.Template, Params: terminal.Values(c.Params),
		Page: c.Page, DedupKey: c.DedupKey}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var now time.Time // the database's clock, as for everything
		if err := tx.QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
			return err
		}
		if c.SendAfter != 0 {
			m.SendAfter = now.Add(c.SendAfter)
		}
		if c.Expire != 0 {
			m.ExpireTime = now.Add(c.Expire)
		}
		ids, err := outbox.Insert(ctx, tx, m)
		if err == nil {
			id = ids[0]
		}
		return err
	})
	if err == nil && id == 0 {
		err = fmt.Errorf("there is a message with dedupKey %q already, nothing inserted", c.DedupKey)
	}
	return id, err
}

// follow prints each change of the message until it has come to an end.
func follow(ctx context.Context, term terminal.Terminal, conn *pgx.Conn, id int64, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	last := ""
	for {
		found, err := ops.Messages(ctx, conn, []int64{id})
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return fmt.Errorf("message %d is still %q after %s: is `submsg serve` running?", id, last, wait)
		case ctx.Err() != nil:
			return fmt.Errorf("message %d is still %q; interrupted, nobody follows it any more", id, last)
		case err != nil:
			return err
		case len(found) == 0:
			return fmt.Errorf("message %d was deleted", id)
		}
		line := line(found[0])
		if line != last {
			term.Out.Line("message %d %s", id, line)
			last = line
		}
		switch found[0].Status {
		case outbox.Succeeded:
			return nil
		case outbox.Waiting, outbox.Sending:
		default:
			return fmt.Errorf("message %d was not sent: %s", id, line)
		}
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
}

// line is a message as it stands, on one line.
func line(m ops.Message) string {
	line := string(m.Status)
	if m.Text != "" {
		line += ": " + m.Text
	}
	if m.MsgID != nil {
		line += fmt.Sprintf(" (msgId %d)", *m.MsgID)
	}
	if m.Status == outbox.Waiting && m.Attempts > 0 {
		line += fmt.Sprintf(", tried %d times, next after %s", m.Attempts, m.SendAfter.Local().Format(time.TimeOnly))
	}
	return line
}
