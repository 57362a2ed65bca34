package wake

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sirupsen/logrus"
)

var (
	errNoNotify = errors.New("the connection hears no NOTIFY: is it a transaction pooler, or another database? " +
		"Then set SUBMSG_LISTEN_URL to a direct connection")
	errQueueFull = errors.New("the server's notification queue is half full, so nobody notifies: " +
		"end the session that listens and is idle in a transaction")
)

// Listener turns NOTIFY into wakes, and proves again and again that it hears.
type Listener struct {
	Conn   *pgx.ConnConfig
	Canary func(ctx context.Context, channel string) (sent bool, err error) // notifies from another session
	Log    *logrus.Entry
	Poll   time.Duration // how often messages are looked for while wakes don't arrive
	Ping   time.Duration // how often the connection is asked whether it lives
	Prove  time.Duration // how often a wake is tried out

	// Wakes gets the time of each NOTIFY, and the zero time when the connection is there again. A wake that comes while
	// another one has not been taken yet says nothing new, and is dropped.
	Wakes chan<- time.Time

	// Both are read by other goroutines: each is a fact about the connection, and nothing depends on their order.
	listening atomic.Bool // wakes are proved to arrive
	broken    atomic.Bool // the connection was lost since somebody asked

	canaryHeard bool // since the last time that we sent one; another replica's is as good a proof
	warned      bool // it was logged that wakes don't arrive
}

// Listening tells whether wakes are proved to arrive.
func (l *Listener) Listening() bool { return l.listening.Load() }

// Broken tells whether the connection was lost since Broken was last called.
func (l *Listener) Broken() bool { return l.broken.Load() && l.broken.Swap(false) }

// Run keeps one connection listening until ctx is done. It never opens a transaction there, because an idle one would
// hold the notification queue. Whatever goes wrong delays a message until the next poll, and no longer.
func (l *Listener) Run(ctx context.Context) {
	wait := leastReconnect
	loggedReason := ""
	for ctx.Err() == nil {
		began := time.Now()
		err := l.listen(ctx)
		l.broken.Store(true) // the pool may renew its connections without a word
		heard := l.listening.Swap(false)
		if heard || time.Since(began) > steadyAfter {
			wait = leastReconnect
		}
		if ctx.Err() != nil {
			return
		}
		if reason := reasonOf(err); heard || !l.warned || reason != loggedReason {
			loggedReason, l.warned = reason, true
			l.Log.Warnf("wakes don't arrive, messages are found by polling every %s until they do; "+
				"`submsg doctor` looks into it: %v", l.Poll, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(wait*2, mostReconnect)
		if errors.Is(err, errNoNotify) {
			wait = poolerReconnect
		}
	}
}

// reasonOf is what makes an error the same as the one before: its text may hold a port, which is another one each time.
func reasonOf(err error) string {
	if errors.Is(err, errNoNotify) || errors.Is(err, errQueueFull) {
		return err.Error()
	}
	if pg := new(pgconn.PgError); errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// listen listens on one connection for as long as it works.
func (l *Listener) listen(ctx context.Context) error {
	connectCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(connectCtx, l.Conn.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(connectCtx, "LISTEN "+Channel+"; LISTEN "+CanaryChannel); err != nil {
		return err
	}
	l.canaryHeard = false
	for {
		if err := l.hearCanary(ctx, conn); err != nil {
			return err
		}
		l.canaryHeard = false
		if !l.listening.Swap(true) {
			l.wakeUp(time.Time{}) // what was inserted while nobody listened
			if l.warned {
				l.warned = false
				l.Log.Info("wakes arrive again")
			}
		}
		for deadline := time.Now().Add(l.Prove); time.Now().Before(deadline); {
			err := l.nextNotification(ctx, conn, min(l.Ping, time.Until(deadline)))
			if pgconn.Timeout(err) && ctx.Err() == nil {
				err = ping(ctx, conn)
			}
			if err != nil {
				return err
			}
		}
	}
}

func (l *Listener) wakeUp(heard time.Time) {
	select {
	case l.Wakes <- heard:
	default:
	}
}

// hearCanary proves that wakes arrive: it sends a canary and waits until it is heard.
func (l *Listener) hearCanary(ctx context.Context, conn *pgx.Conn) error {
	if err := l.sendCanary(ctx); err != nil {
		return err
	}
	for deadline := time.Now().Add(canaryTimeout); !l.canaryHeard; {
		if err := l.nextNotification(ctx, conn, time.Until(deadline)); pgconn.Timeout(err) && ctx.Err() == nil {
			return errNoNotify
		} else if err != nil {
			return err
		}
	}
	return nil
}

// nextNotification waits for a notification: it passes on a wake, and notes a canary.
func (l *Listener) nextNotification(ctx context.Context, conn *pgx.Conn, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	if err != nil {
		return err
	}
	l.canaryHeard = n.Channel == CanaryChannel
	if n.Channel == Channel {
		l.wakeUp(time.Now())
	}
	return nil
}

// sendCanary lets one of the pool's sessions notify the canary channel. Other replicas hear it too, and it proves as
// much to them.
func (l *Listener) sendCanary(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, canaryTimeout)
	defer cancel()
	sent, err := l.Canary(ctx, CanaryChannel)
	if err != nil {
		return fmt.Errorf("canary: %w", err)
	}
	if !sent {
		return errQueueFull
	}
	return nil
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, canaryTimeout)
	defer cancel()
	return conn.Ping(ctx)
}
