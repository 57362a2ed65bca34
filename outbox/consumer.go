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

// Config is what a Consumer needs; the zero value of a duration or number takes its default.
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
	set(&cfg.Poll, 2*time.Second)
	set(&cfg.SendTimeout, 20*time.Second)
	set(&cfg.Lease, cfg.SendTimeout+10*time.Second)
	set(&cfg.ProbeEvery, 10*time.Second)
	set(&cfg.Ping, 15*time.Second)
	set(&cfg.Canary, time.Minute)
	if cfg.Senders == 0 {
		cfg.Senders = 64
	}
	if cfg.MaxAttempts == 0 {
		cfg.MaxAttempts = 10
	}
	return cfg
}

// Consumer sends the messages of one database. Any number of them, here or elsewhere, share the work.
type Consumer struct {
	cfg          Config
	listenConfig *pgx.ConnConfig

	wake      chan struct{}             // "look": from the listener, and after a settlement
	heard     atomic.Pointer[time.Time] // the first wake that no claim has followed yet
	free      chan struct{}             // one token a free sender
	onItsWay  chan claimed              // to the senders; as many as there are, so it never blocks
	verdicts  chan judged               // from the senders to the settler; as many as senders, so it never blocks
	listening atomic.Bool               // wakes are proved to arrive
	arrived   atomic.Bool               // this database is known to be no copy, or is paused
	deaf      bool                      // it was logged that wakes don't arrive; the listener's
	hungry    atomic.Bool               // there is a backlog: the settler claims as it settles
	claims    *claims
	lines     lines
	shunned   shunned
	backlog   backlog // the settler's
	trouble   int     // sends in a row that met "system busy"; the settler's
	pulse     pulse
}

type judged struct {
	claimed
	Verdict
}

// New checks a Config.
func New(cfg Config) (*Consumer, error) {
	cfg = cfg.withDefaults()
	c := &Consumer{cfg: cfg, wake: make(chan struct{}, 1), claims: newClaims(),
		lines: lines{busy: make(map[string][]claimed)}, shunned: shunned{since: make(map[int64]time.Time), said: make(map[string]time.Time)}, backlog: backlog{after: front}, pulse: pulse{began: time.Now()}}
	switch {
	case cfg.Pool == nil || cfg.Sender == nil || cfg.Log == nil:
		return nil, errors.New("outbox: Pool, Sender and Log are needed")
	case cfg.Senders < 1 || cfg.MaxAttempts < 1 || cfg.Poll < 0 || cfg.SendTimeout < 0 || cfg.ProbeEvery < 0 || cfg.Ping < 0 || cfg.Canary < 0:
		return nil, errors.New("outbox: a number below its minimum")
	case cfg.Lease <= cfg.SendTimeout:
		return nil, fmt.Errorf("outbox: the lease (%s) must be longer than a send may take (%s)", cfg.Lease, cfg.SendTimeout)
	}
	if err := cfg.Retention.validate(); err != nil {
		return nil, fmt.Errorf("outbox: retention: %w", err)
	}
	if err := CheckRate(cfg.Rate); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if cfg.ListenURL != "" {
		pooled, err := pgxpool.ParseConfig(cfg.ListenURL) // it may be the pool's URL, with settings that no server understands
		if err != nil {
			return nil, fmt.Errorf("outbox: listen URL: %w", err)
		}
		c.listenConfig = pooled.ConnConfig
		if params := c.listenConfig.RuntimeParams; params["application_name"] == "" {
			params["application_name"] = "submsg listener"
		}
	}
	c.free = make(chan struct{}, cfg.Senders)
	for range cfg.Senders {
		c.free <- struct{}{}
	}
	c.onItsWay, c.verdicts = make(chan claimed, cfg.Senders), make(chan judged, cfg.Senders)
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
		go c.sendAll(ctx)
	}
	settled := make(chan error, 1)
	go func() { settled <- c.settleAll(settleCtx) }()
	var beside sync.WaitGroup
	if c.listenConfig != nil {
		beside.Go(func() { c.listen(ctx) })
	}
	beside.Go(func() { c.adopt(ctx) })
	if len(c.cfg.Retention) > 0 {
		beside.Go(func() { c.retain(ctx) })
	}
	c.pump(ctx)
	failpoint.Hit("draining")
	c.leave(ctx)
	for range c.cfg.Senders { // every sender back: nothing is in flight
		<-c.free
	}
	close(c.onItsWay)
	close(c.verdicts)
	beside.Wait()
	err := <-settled
	c.leave(ctx) // again: some of those may be due later, or have paused their template
	return err
}

// leave hands the queue over: the others may be asleep with the flag cleared by us.
func (c *Consumer) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	batch := new(pgx.Batch)
	batch.Queue(clearWakeSQL) // who sleeps asks again; if nobody does, no application pays for a NOTIFY
	batch.Queue(wakeOthersSQL)
	if err := c.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		c.cfg.Log.Warnf("could not wake other replicas on leaving, they find messages by polling: %v", err)
	}
}

// Listening tells whether wakes are proved to arrive. While they don't, messages are found by polling.
func (c *Consumer) Listening() bool { return c.listening.Load() }
