// Package serve is the daemon, `submsg serve`: it ties the consumer, the channel, the templates, metrics, traces and HTTP
// together, and goes on until it is told to stop. The files beside it are one part each: readiness, rights, systemd,
// traces; deploy/ has what one needs to run it. It knows no other command. Begin with Command.Run.
package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/cli/version"
	"github.com/submsg/submsg/internal/metrics"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

type Command struct {
	settings.Database
	settings.WeChat
	settings.Templates
	settings.Log
	settings.Listen
	Senders   int              `env:"SUBMSG_SENDERS" default:"64" help:"Messages sent at once."`
	Rate      float64          `env:"SUBMSG_RATE" default:"0" help:"Messages per second, all replicas together; 0: as fast as WeChat takes them."`
	Retention outbox.Retention `env:"SUBMSG_RETENTION" placeholder:"DAYS" help:"Delete settled messages unchanged for so long: 30d, which leaves out unknown ones, or by outcome, 30d,fail=90d,unknown=365d. Default: keep all."`
	HTTPAddr  string           `name:"http-addr" env:"SUBMSG_HTTP_ADDR" default:"127.0.0.1:8787" help:"Where /healthz, /readyz and /metrics answer; 'off' for nowhere."`
	timing
	Migrate bool `env:"SUBMSG_MIGRATE" help:"Bring the schema up to date first."`
}

// timing is not for users: the defaults fit each other, and the tests need shorter ones.
type timing struct {
	Poll        time.Duration `hidden:"" env:"SUBMSG_POLL"`
	SendTimeout time.Duration `hidden:"" env:"SUBMSG_SEND_TIMEOUT"`
	Lease       time.Duration `hidden:"" env:"SUBMSG_LEASE"`
	ProbeEvery  time.Duration `hidden:"" env:"SUBMSG_PROBE_EVERY"`
	Ping        time.Duration `hidden:"" env:"SUBMSG_PING"`
	Canary      time.Duration `hidden:"" env:"SUBMSG_CANARY"`
	SchemaEvery time.Duration `hidden:"" env:"SUBMSG_SCHEMA_EVERY" default:"1m"`
}

// reloadEvery is how often the template files are looked at.
const reloadEvery = 2 * time.Second

// Run checks everything that can be wrong, then sends until ctx ends.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) error {
	log := c.Logger(term)
	live, err := c.live()
	if err != nil {
		return err
	}
	counts := metrics.New(version.String(), nameOf(live))
	sender, err := c.sender(log, live, counts.Refreshed)
	if err != nil {
		return err
	}
	defer sender.Close()
	if c.Senders < 1 || c.Senders > 10000 {
		return terminal.BadUsage("SUBMSG_SENDERS is %d, it must be 1 to 10000", c.Senders)
	}
	if err := outbox.CheckRate(c.Rate); err != nil {
		return terminal.BadUsage("SUBMSG_RATE: %w", err)
	}
	listenURL, err := c.WakeURL(c.DatabaseURL)
	if err != nil {
		return err
	}
	traces, err := newTracing(ctx, term, log, live)
	if err != nil {
		return err
	}
	defer flush(ctx, traces, log)
	pool, err := c.database(ctx, log)
	if err != nil {
		return err
	}
	defer pool.Close()
	consumer, err := outbox.New(outbox.Config{Pool: pool, ListenURL: listenURL, Sender: traces.Wrap(counts.Wrap(sender)), Log: log, Senders: c.Senders, Rate: c.Rate, Retention: c.Retention, Resend: resender(live),
		Poll: c.Poll, SendTimeout: c.SendTimeout, Lease: c.Lease, ProbeEvery: c.ProbeEvery, Ping: c.Ping, Canary: c.Canary})
	if err != nil {
		return terminal.BadUsage("%w", err)
	}

	group, ctx := errgroup.WithContext(ctx)
	counts.WatchDatabase(pool)
	if listenURL != "" {
		counts.WatchListener(consumer.Listening)
	}
	ready := &readiness{pool: pool, live: live, sender: sender, polls: listenURL == "", listening: consumer.Listening}
	if err := serveHTTP(ctx, group, c.HTTPAddr, pages(consumer.Listening, ready, counts.Handler()), log); err != nil {
		return err
	}
	publish(ctx, pool, live, log)
	if c.Dir != "" {
		group.Go(func() error { reload(ctx, live, log, func() { publish(ctx, pool, live, log) }); return nil })
	}
	group.Go(func() error { return watchSchema(ctx, pool, c.SchemaEvery) })
	group.Go(func() error { return consumer.Run(ctx) })
	defer watched(ctx, consumer.Alive, log)()
	log.WithFields(logrus.Fields{"version": version.String(), "templates": len(live.Current().All()), "senders": c.Senders}).Info("serving")
	err = group.Wait()
	log.Info("stopped")
	return err
}

func (c *Command) live() (*templates.Live, error) {
	live, err := templates.NewLive(c.Files())
	if err != nil {
		return nil, c.Mistake(err)
	}
	return live, nil
}

func (c *Command) sender(log *logrus.Entry, live *templates.Live, refreshed func(ok bool)) (*wechat.Sender, error) {
	url, appID, secret, err := c.Account(log)
	if err != nil {
		return nil, err
	}
	sender, err := wechat.New(wechat.Config{BaseURL: url, AppID: appID, Secret: secret, Timeout: c.SendTimeout / 2, Conns: c.Senders, Templates: live.Current, Log: log, Refreshed: refreshed})
	if err != nil {
		return nil, terminal.UsageError{Err: err}
	}
	return sender, nil
}

// database connects, migrates if told to, and makes sure of the schema's version and the login's rights.
func (c *Command) database(ctx context.Context, log *logrus.Entry) (*pgxpool.Pool, error) {
	pool, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	err = migrations.Check(ctx, pool)
	if c.Migrate && errors.As(err, new(*migrations.MismatchError)) {
		err = migrations.Migrator{URL: c.DatabaseURL, Tell: func(text string) { log.Warn(terminal.OneLine(text)) }}.Up(ctx)
	}
	if err == nil {
		err = mayServe(ctx, pool)
	}
	if err != nil {
		pool.Close()
		return nil, behindPooler(err)
	}
	return pool, nil
}

// schemaWithin bounds a look at the schema: a database that doesn't answer must not keep a connection from the messages.
const schemaWithin = 10 * time.Second

// watchSchema returns an error when the schema has become one that this submsg can't work with, nil when ctx ends.
func watchSchema(ctx context.Context, pool *pgxpool.Pool, every time.Duration) error {
	check := func() error {
		ctx, cancel := context.WithTimeout(ctx, schemaWithin)
		defer cancel()
		return migrations.Check(ctx, pool)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		if err := check(); errors.As(err, new(*migrations.MismatchError)) {
			return fmt.Errorf("no more is sent: %w", err)
		}
	}
}

// behindPooler adds the remedy where prepared statements are mixed up between sessions (SQLSTATE 42P05, 26000).
func behindPooler(err error) error {
	if pg := new(pgconn.PgError); errors.As(err, &pg) && (pg.Code == "42P05" || pg.Code == "26000") {
		return fmt.Errorf("%w: is there a transaction pooler before the database? Then add default_query_exec_mode=cache_describe to DATABASE_URL's parameters", err)
	}
	return err
}

// nameOf returns the name of a template by its id or name, "" for one that isn't known.
func nameOf(live *templates.Live) func(string) string {
	return func(idOrName string) string {
		if t, ok := live.Current().Find(idOrName); ok {
			return t.Name
		}
		return ""
	}
}

func resender(live *templates.Live) func(string) bool {
	return func(id string) bool {
		t, ok := live.Current().Find(id)
		return ok && t.OnUnknown == templates.Resend
	}
}

// publish tells the database the templates, against which rules are checked when they are defined.
func publish(ctx context.Context, pool *pgxpool.Pool, live *templates.Live, log *logrus.Entry) {
	var all []rules.Template
	for _, t := range live.Current().All() {
		all = append(all, rules.Template{ID: t.ID, Name: t.Name, Title: t.Title, Params: t.Params})
	}
	if err := rules.Publish(ctx, pool, all); err != nil {
		log.Warnf("rules are checked against the templates published before: %v", err)
	}
}

// reload takes changed template files; while they have an error, the old ones stay.
func reload(ctx context.Context, live *templates.Live, log *logrus.Entry, reloaded func()) {
	said := ""
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := live.Reload()
		if err != nil && err.Error() != said {
			said = err.Error()
			log.Errorf("the template files have an error, the old ones stay in use: %s", terminal.OneLine(said))
		}
		if err == nil {
			said = ""
		}
		if changed {
			log.WithField("templates", len(live.Current().All())).Info("templates reloaded")
			reloaded()
		}
	}
}
