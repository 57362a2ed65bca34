// Package demo is the work of `submsg demo`: a private Postgres, a fake WeChat and a consumer in one process, and a
// story that is told with them, scene by scene, and checked. It knows no other command. Begin with Command; the story
// itself is in story.go.
package demo

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	terminals "golang.org/x/term"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/httpserver"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
)

// Command is `submsg demo`.
type Command struct {
	Once bool `help:"End after the story; so does a run without a terminal."`
}

// Run starts everything that a deployment has, in one process, and tells the story. Its error says what
// didn't come out as told.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) (err error) {
	s := stage{Terminal: term, tongue: explain.ByLocale(), width: term.Out.Width()}
	s.say(explain.DemoWords.Starting)
	server, err := pgembed.Start(ctx, pgembed.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := (migrations.Migrator{URL: server.URL(), Orders: true}).Up(ctx); err != nil {
		return err
	}
	if s.pool, err = pgxpool.New(ctx, server.URL()); err != nil {
		return err
	}
	defer s.pool.Close()
	if err := explain.Publish(ctx, s.pool); err != nil {
		return err
	}

	group, groupCtx := errgroup.WithContext(ctx)
	groupCtx, stop := context.WithCancel(groupCtx)
	url, err := s.startWeChat(groupCtx, group)
	if err != nil {
		stop()
		return err
	}
	if err := s.startConsumer(groupCtx, group, server.URL(), url); err != nil {
		stop()
		return err
	}
	s.say(explain.DemoWords.Running, url)
	err = s.tell(groupCtx)
	if err == nil && !c.Once && s.interactive() {
		s.stay(groupCtx, server)
	}
	stop()
	return errors.Join(err, group.Wait())
}

// startWeChat runs the fake, which lets everything be sent to one user.
func (s *stage) startWeChat(ctx context.Context, group *errgroup.Group) (url string, err error) {
	s.wechat = fakewechat.New(fakewechat.Options{Latency: 30 * time.Millisecond})
	if err := s.wechat.Grant(subscriber, "*", fakewechat.Endless); err != nil {
		return "", err
	}
	server, err := httpserver.Listen(httpserver.Config{Addr: "127.0.0.1:0", Pages: s.wechat, Conns: 128,
		Within: time.Minute, Log: func(line string) { s.Err.Line("%s", line) },
		Drain: 10 * time.Second}) // so that the messages in flight are through
	if err != nil {
		return "", err
	}
	group.Go(func() error { return server.Run(ctx) })
	return "http://" + server.Addr(), nil
}

func (s *stage) startConsumer(ctx context.Context, group *errgroup.Group, databaseURL, wechatURL string) error {
	logger := logrus.New()
	logger.SetOutput(s.Err)
	logger.SetLevel(logrus.WarnLevel)
	log := logrus.NewEntry(logger)
	sender, err := account.Single(account.OfWeChat(fakewechat.DefaultAppID, fakewechat.DefaultSecret, wechatURL),
		fields.Shipped(), account.Options{Log: log})
	if err != nil {
		return err
	}
	consumer, err := outbox.New(outbox.Config{Pool: s.pool, ListenURL: databaseURL, Sender: sender, Log: log})
	if err != nil {
		return err
	}
	group.Go(func() error {
		defer sender.Close()
		return consumer.Run(ctx)
	})
	return nil
}

// interactive tells whether somebody sits there who can press Ctrl-C.
func (s *stage) interactive() bool {
	in, ok := s.In.(*os.File)
	return ok && terminals.IsTerminal(int(in.Fd()))
}

// stay goes on serving until ctx ends, and prints what happens.
func (s *stage) stay(ctx context.Context, server *pgembed.Server) {
	s.say(explain.DemoWords.Yours, server.URL(), subscriber)
	var last time.Time
	if err := s.pool.QueryRow(ctx, `SELECT max(updateTime) FROM subMsgList`).Scan(&last); err != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-server.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
		rows, err := s.changed(ctx, last)
		if err != nil {
			continue // the next look will show it
		}
		for _, m := range rows {
			last = m.UpdateTime
			s.Out.Line("%s  #%d %s %s %s", last.Local().Format(time.TimeOnly), m.ID, m.TemplateID, m.Status,
				m.Text)
		}
	}
}

// changed reads the messages that changed after a moment.
func (s *stage) changed(ctx context.Context, after time.Time) ([]ops.Message, error) {
	rows, err := s.pool.Query(ctx, `SELECT id FROM subMsgList WHERE updateTime > $1`, after)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	return s.messages(ctx, ids)
}
