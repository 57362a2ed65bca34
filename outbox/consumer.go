package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/failpoint"
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
		min(cfg.Poll, cfg.SendTimeout, cfg.ProbeEvery, cfg.Ping, cfg.Canary) < 0:
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
	return nil
}

// Consumer sends the messages of one database. Any number of them, here or elsewhere, share the work.
//
// It consists of a claimer, some senders and a settler, which hand each other messages through channels, and of a
// listener.
type Consumer struct {
	cfg          Config
	listenConfig *pgx.ConnConfig

	wake          chan struct{}             // says "look" to the claimer: from the listener, and after a settlement
	firstWake     atomic.Pointer[time.Time] // when the first wake came that no claim has followed yet
	freeSenders   chan struct{}             // holds a token for each free sender
	toSend        chan claimed              // to the senders; holds as many as there are, so that it never blocks
	verdicts      chan judged               // from the senders to the settler; never blocks, either
	listening     atomic.Bool               // wakes are proved to arrive
	originChecked atomic.Bool               // this database is known to be no copy, or is paused
	hasBacklog    atomic.Bool               // there is a backlog: the settler claims as it settles
	claims        *claims
	recipients    recipientQueue
	skipped       skiplist
	heartbeat     heartbeat
}

// judged is a message with the Sender's verdict on it.
type judged struct {
	claimed
	Verdict
}

// New checks a Config.
func New(cfg Config) (*Consumer, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Consumer{
		cfg:         cfg,
		wake:        make(chan struct{}, 1),
		freeSenders: make(chan struct{}, cfg.Senders),
		toSend:      make(chan claimed, cfg.Senders),
		verdicts:    make(chan judged, cfg.Senders),
		claims:      newClaims(),
		recipients:  recipientQueue{waiting: make(map[string][]claimed)},
		skipped:     skiplist{since: make(map[int64]time.Time), logged: make(map[string]time.Time)},
		heartbeat:   heartbeat{began: time.Now()},
	}
	if cfg.ListenURL != "" {
		// As the pool's URL, it may hold settings of the pool, which no server understands.
		pooled, err := pgxpool.ParseConfig(cfg.ListenURL)
		if err != nil {
			return nil, errors.New("outbox: ListenURL is neither a URL nor a list of keywords of a database")
		}
		c.listenConfig = pooled.ConnConfig
		if params := c.listenConfig.RuntimeParams; params["application_name"] == "" {
			params["application_name"] = "submsg listener"
		}
	}
	for range cfg.Senders {
		c.freeSenders <- struct{}{}
	}
	return c, nil
}

// Run sends messages until ctx is done, then finishes those in flight and settles them, for as long as their
// lease lasts. Trouble with the database or the channel is logged and outlived; Run returns an error only if
// outcomes could not be stored. Call it once.
func (c *Consumer) Run(ctx context.Context) error {
	settleCtx, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(c.cfg.Lease, giveUp) })()

	for range c.cfg.Senders {
		go c.runSender(ctx)
	}
	settled := make(chan error, 1)
	go func() { settled <- newSettler(c).run(settleCtx) }()
	var background sync.WaitGroup
	if c.listenConfig != nil {
		background.Go(func() { (&listener{Consumer: c}).run(ctx) })
	}
	background.Go(func() { sweeper{c}.noteOrphans(ctx) })
	if len(c.cfg.Retention) > 0 {
		background.Go(func() { deleter{c}.run(ctx) })
	}
	newClaimer(c).run(ctx)
	failpoint.Hit("draining")
	c.handOver(ctx)
	for range c.cfg.Senders { // every sender has come back, so nothing is in flight
		<-c.freeSenders
	}
	close(c.toSend)
	close(c.verdicts)
	background.Wait()
	err := <-settled
	c.handOver(ctx) // again: some of what was in flight may be due later, or may have paused its template
	return err
}

// handOver leaves the queue to the other replicas. They may be asleep while the flag is cleared, because we were awake.
func (c *Consumer) handOver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverTimeout)
	defer cancel()
	batch := new(pgx.Batch)
	batch.Queue(clearWakeSQL) // who sleeps sets it again; if nobody does, no application pays for a NOTIFY
	batch.Queue(wakeOthersSQL)
	if err := c.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		c.cfg.Log.Warnf("could not wake other replicas on leaving, they find messages by polling: %v", err)
	}
}

// wakeUp makes the claimer look. Many wakes that it hasn't followed yet are one.
func (c *Consumer) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Listening tells whether wakes are proved to arrive. While they don't, messages are found by polling.
func (c *Consumer) Listening() bool { return c.listening.Load() }
