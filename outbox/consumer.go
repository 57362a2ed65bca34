package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox/internal/store"
	"github.com/submsg/submsg/outbox/internal/wake"
)

// Config is what a Consumer needs; the zero value of a duration or number takes its default (limits.go, retry.go).
//
// The Pool's search_path leads to submsg's schema, and names none before it in which others may make tables: these
// would be taken for submsg's.
type Config struct {
	Pool      *pgxpool.Pool // claims and settles; may go through a transaction pooler
	ListenURL string        // a direct connection for LISTEN; "" finds messages by polling only
	Sender    Sender
	Log       *logrus.Entry

	Rate        float64       // messages per second, by all replicas together: 0, no limit
	Senders     int           // sends at once: 64
	MaxAttempts int           // tries before a "later" becomes fail: 10
	Poll        time.Duration // how often to look without a wake: 2s
	SendTimeout time.Duration // from claim to verdict: 20s
	Lease       time.Duration // from claim to unknown: SendTimeout + 10s, which is left to settle in
	ProbeEvery  time.Duration // how often one message tests a pause: 10s
	Ping        time.Duration // how often the listening connection is asked whether it lives: 15s
	Canary      time.Duration // how often a wake is tried out, which costs WAL: 1min

	// Catalogue returns the templateIds that the Sender knows, each spelling, with the number of parameters that it
	// takes. It is asked again and again, for it may change; nil: the Sender takes any. Replicas tell each other, and
	// leave to one another what they don't know; what none has known for TemplateWait is refused (1min).
	Catalogue    func() map[string]int
	TemplateWait time.Duration

	Retention Retention // how long settled messages are kept; empty: forever

	// Resend tells whether a template's messages are sent again when nobody knows whether they were
	// sent. nil: never.
	Resend func(templateID string) bool
}

func (cfg Config) withDefaults() Config {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&cfg.Poll, defaultPoll)
	set(&cfg.SendTimeout, defaultSendTimeout)
	set(&cfg.Lease, cfg.SendTimeout+settleTime)
	set(&cfg.ProbeEvery, defaultProbeEvery)
	set(&cfg.Ping, defaultPing)
	set(&cfg.Canary, defaultCanary)
	set(&cfg.TemplateWait, defaultTemplateWait)
	if cfg.Senders == 0 {
		cfg.Senders = defaultSenders
	}
	if cfg.MaxAttempts == 0 {
		cfg.MaxAttempts = defaultMaxAttempts
	}
	return cfg
}

// sleepTime is how long a consumer sleeps without a wake. It is a little more than a poll, because wakes are proved to
// arrive and an idle database should be left alone.
func (cfg Config) sleepTime() time.Duration { return cfg.Poll + cfg.Poll/4 }

func (cfg Config) validate() error {
	switch {
	case cfg.Pool == nil || cfg.Sender == nil || cfg.Log == nil:
		return errors.New("outbox: Pool, Sender and Log are needed")
	case min(cfg.Senders, cfg.MaxAttempts) < 1,
		min(cfg.Poll, cfg.SendTimeout, cfg.ProbeEvery, cfg.Ping, cfg.Canary, cfg.TemplateWait) < 0:
		return errors.New("outbox: a number below its minimum")
	case cfg.Lease <= cfg.SendTimeout:
		return fmt.Errorf("outbox: the lease (%s) must be longer than a send may take (%s)", cfg.Lease, cfg.SendTimeout)
	}
	if err := cfg.Retention.validate(); err != nil {
		return fmt.Errorf("outbox: retention: %w", err)
	}
	if err := CheckRate(cfg.Rate); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return checkAccounts(cfg.Sender.Accounts())
}

// Consumer sends the messages of one database. Any number of them, here or elsewhere, share the work.
//
// It consists of a dispatcher and its senders, which hand each other messages through channels, of a listener, and of a
// housekeeper.
type Consumer struct {
	cfg         Config
	dispatcher  *dispatcher
	housekeeper *housekeeper
	reporter    *reporter
	listener    *wake.Listener // nil: messages are found by polling
}

// New checks a Config.
func New(cfg Config) (*Consumer, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &store.Store{Pool: cfg.Pool}
	d := newDispatcher(cfg, s)
	k := &housekeeper{cfg: cfg, store: store.Housekeeping{Store: s}, tidy: make(chan []int64, 1), wakes: d.wakes,
		origin: make(chan struct{}, 1), skipped: newSkiplist(cfg.Log)}
	d.tidy, d.originKnown = k.tidy, k.origin
	c := &Consumer{cfg: cfg, dispatcher: d, housekeeper: k, reporter: newReporter(cfg, k.store, d.health)}
	if cfg.ListenURL != "" {
		// As the pool's URL, it may hold settings of the pool, which no server understands.
		pooled, err := pgxpool.ParseConfig(cfg.ListenURL)
		if err != nil {
			return nil, errors.New("outbox: ListenURL is neither a URL nor a list of keywords of a database")
		}
		if params := pooled.ConnConfig.RuntimeParams; params["application_name"] == "" {
			params["application_name"] = "submsg listener"
		}
		c.listener = &wake.Listener{Conn: pooled.ConnConfig, Canary: s.Canary, Log: cfg.Log, Poll: cfg.Poll,
			Ping: cfg.Ping, Prove: cfg.Canary, Wakes: d.wakes}
		d.listening, d.broken = c.listener.Listening, c.listener.Broken
	}
	return c, nil
}

// Run sends messages until ctx is done, then finishes those in flight and settles them, for as long as their
// lease lasts. Trouble with the database or the channel is logged and outlived; Run returns an error only if
// outcomes could not be stored. Call it once.
func (c *Consumer) Run(ctx context.Context) error {
	settling, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(c.cfg.Lease, giveUp) })()

	d := c.dispatcher
	var background sync.WaitGroup
	if c.listener != nil {
		background.Go(func() { c.listener.Run(ctx) })
	}
	background.Go(func() { c.housekeeper.run(ctx) })
	background.Go(func() { c.housekeeper.noteOrphans(ctx) })
	background.Go(func() { c.reporter.run(ctx) })
	if len(c.cfg.Retention) > 0 {
		background.Go(func() { (&deleter{c.cfg, c.housekeeper.store}).run(ctx) })
	}
	err := d.run(ctx, settling)
	background.Wait()
	handOver(ctx, c.cfg, d.store) // again: some of what was in flight may be due later, or may have paused its template
	return err
}

// Listening tells whether wakes are proved to arrive. While they don't, messages are found by polling.
func (c *Consumer) Listening() bool { return c.listener != nil && c.listener.Listening() }
