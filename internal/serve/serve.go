// Package serve is the daemon, `submsg serve`: it ties the consumer, the channel, the templates, metrics, traces and
// HTTP together, and goes on until it is told to stop. The files beside it are one part each: readiness, rights,
// systemd, traces; deploy/ has what one needs to run it. It knows no other command. Begin with Command.Run.
package serve

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/cli/version"
	"github.com/submsg/submsg/internal/metrics"
	"github.com/submsg/submsg/outbox"
)

// Command is `submsg serve`.
type Command struct {
	settings.Database
	settings.Accounts
	settings.Templates
	settings.Log
	settings.Listen
	Senders   int              `env:"SUBMSG_SENDERS" default:"64" help:"Messages sent at once by each account."`
	Rate      float64          `env:"SUBMSG_RATE" default:"0" help:"Messages per second of each account, all replicas together; 0: as fast as WeChat takes them."`
	Retention outbox.Retention `env:"SUBMSG_RETENTION" placeholder:"DAYS" help:"Delete settled messages unchanged for so long: 30d, which leaves out unknown ones, or by outcome, 30d,fail=90d,unknown=365d. Default: keep all."`
	HTTPAddr  string           `name:"http-addr" env:"SUBMSG_HTTP_ADDR" default:"127.0.0.1:8787" help:"Where /healthz, /readyz and /metrics answer; 'off' for nowhere."`
	HTTPHosts []string         `name:"http-hosts" env:"SUBMSG_HTTP_HOSTS" placeholder:"NAME,…" help:"Host names that requests may call it by, beside IP addresses, localhost and the host of --http-addr."`
	timing
	Migrate bool `env:"SUBMSG_MIGRATE" help:"Bring the schema up to date first."`
	Orders  bool `env:"SUBMSG_ORDERS" help:"With --migrate, make the example too: a table orders, with a rule."`
}

// timing is not for users: the defaults fit each other, and the tests need shorter ones.
type timing struct {
	Poll         time.Duration `hidden:"" env:"SUBMSG_POLL"`
	SendTimeout  time.Duration `hidden:"" env:"SUBMSG_SEND_TIMEOUT"`
	Lease        time.Duration `hidden:"" env:"SUBMSG_LEASE"`
	ProbeEvery   time.Duration `hidden:"" env:"SUBMSG_PROBE_EVERY"`
	Ping         time.Duration `hidden:"" env:"SUBMSG_PING"`
	Canary       time.Duration `hidden:"" env:"SUBMSG_CANARY"`
	TemplateWait time.Duration `hidden:"" env:"SUBMSG_TEMPLATE_WAIT"`
	PublishEvery time.Duration `hidden:"" env:"SUBMSG_PUBLISH_EVERY" default:"10m"`
	SchemaEvery  time.Duration `hidden:"" env:"SUBMSG_SCHEMA_EVERY" default:"1m"`
}

// Run checks everything that can be wrong, then sends until ctx ends.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) error {
	log := c.Logger(term)
	live, err := c.Live(c.Templates, log)
	if err != nil {
		return err
	}
	counts := metrics.New(version.String(), nameOf(live))
	router, err := c.router(log, live, counts.Refreshed)
	if err != nil {
		return err
	}
	defer router.Close()
	if err := c.checkNumbers(); err != nil {
		return err
	}
	listenURL, err := c.WakeURL(c.Database)
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
	databaseConns := int(pool.Config().MaxConns) + 1 // and the listener's
	conns, err := c.httpConns(live.Current().Senders(c.Senders), databaseConns)
	if err != nil {
		return err
	}
	consumer, err := outbox.New(outbox.Config{Pool: pool, ListenURL: listenURL, Log: log,
		Sender: traces.Wrap(counts.Wrap(router)), Resend: resender(live),
		Catalogue: func() map[string]int { return live.Templates().ParamCounts() }, TemplateWait: c.TemplateWait,
		Senders: c.Senders, Rate: c.Rate, Retention: c.Retention, Poll: c.Poll, SendTimeout: c.SendTimeout,
		Lease: c.Lease, ProbeEvery: c.ProbeEvery, Ping: c.Ping, Canary: c.Canary})
	if err != nil {
		return terminal.BadUsage("%w", err)
	}

	group, ctx := errgroup.WithContext(ctx)
	counts.WatchDatabase(pool)
	if listenURL != "" {
		counts.WatchListener(consumer.Listening)
	}
	counts.WatchLoad(consumer.Load)
	counts.WatchAccounts(consumer.Unready)
	ready := &readiness{pool: pool, live: live, router: router, polls: listenURL == "", listening: consumer.Listening,
		trouble: consumer.Trouble, log: log}
	answers := pages(consumer.Alive, consumer.Listening, ready, counts.Handler())
	if err := c.serveHTTP(ctx, group, conns, answers, log); err != nil {
		return err
	}
	if c.Dir != "" || c.Folder != "" {
		group.Go(reloading(ctx, live, c.use(router, databaseConns), log, func() { publish(ctx, pool, live, log) }))
	}
	group.Go(func() error { return watchSchema(ctx, pool, c.SchemaEvery) })
	group.Go(func() error { return consumer.Run(ctx) })
	group.Go(publishing(ctx, pool, live, c.PublishEvery, log))
	defer watched(ctx, consumer.Alive, log)()
	log.WithFields(logrus.Fields{"version": version.String(), "templates": len(live.Templates().All()),
		"accounts": len(live.Current().Accounts), "senders": c.Senders}).Info("serving")
	err = group.Wait()
	log.Info("stopped")
	return err
}

func (c *Command) checkNumbers() error {
	if c.Senders < 1 || c.Senders > account.MaxSenders {
		return terminal.BadUsage("SUBMSG_SENDERS is %d, it must be 1 to %d", c.Senders, account.MaxSenders)
	}
	if err := outbox.CheckRate(c.Rate); err != nil {
		return terminal.BadUsage("SUBMSG_RATE: %w", err)
	}
	return nil
}

// router sends by all accounts.
func (c *Command) router(log *logrus.Entry, live *account.Live, refreshed func(ok bool)) (*account.Router, error) {
	router, err := account.NewRouter(live.Current(), account.Options{AllowHTTP: c.AllowHTTP,
		Timeout: c.SendTimeout / 2, Senders: c.Senders, Templates: live.Templates, Log: log, Refreshed: refreshed})
	if err != nil {
		return nil, terminal.UsageError{Err: err}
	}
	return router, nil
}

// use returns what sends by the accounts of another configuration, unless their senders need more than the process may
// have.
func (c *Command) use(router *account.Router, databaseConns int) func(*account.Configuration) error {
	return func(next *account.Configuration) error {
		if _, err := c.httpConns(next.Senders(c.Senders), databaseConns); err != nil {
			return err
		}
		return router.Use(next)
	}
}
