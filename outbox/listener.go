package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	wakeChannel   = "submsg"
	canaryChannel = "submsg_canary"
)

var (
	errNoNotify = errors.New("the connection hears no NOTIFY: is it a transaction pooler, or another database? " +
		"Then set SUBMSG_LISTEN_URL to a direct connection")
	errQueueFull = errors.New("the server's notification queue is half full, so nobody notifies: " +
		"end the session that listens and is idle in a transaction")
)

// canarySQL makes a trial wake, which comes by the way of the wakes, from another session: one that the listening
// session sends itself is heard even through a transaction pooler. It stops where the triggers stop.
const canarySQL = `SELECT pg_notify('` + canaryChannel + `', '') WHERE pg_notification_queue_usage() < 0.5::float8`

// listener turns NOTIFY into wakes, and proves again and again that it hears.
type listener struct {
	*Consumer
	canaryHeard bool // since the last time that we sent one; another replica's is as good a proof
	warned      bool // it was logged that wakes don't arrive
}

// run keeps one connection listening until ctx is done. It never opens a transaction there, because an idle one would
// hold the notification queue. Whatever goes wrong delays a message until the next poll, and no longer.
func (l *listener) run(ctx context.Context) {
	wait := leastReconnect
	loggedReason := ""
	for ctx.Err() == nil {
		began := time.Now()
		err := l.listen(ctx)
		l.originChecked.Store(false) // the pool may renew its connections without a word
		heard := l.listening.Swap(false)
		if heard || time.Since(began) > steadyAfter {
			wait = leastReconnect
		}
		if ctx.Err() != nil {
			return
		}
		if reason := reasonOf(err); heard || !l.warned || reason != loggedReason {
			loggedReason, l.warned = reason, true
			l.cfg.Log.Warnf("wakes don't arrive, messages are found by polling every %s until they do; "+
				"`submsg doctor` looks into it: %v", l.cfg.Poll, err)
		}
		sleep(ctx, wait)
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
	return sqlState(err)
}

// listen listens on one connection for as long as it works.
func (l *listener) listen(ctx context.Context) error {
	connectCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(connectCtx, l.listenConfig.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(connectCtx, "LISTEN "+wakeChannel+"; LISTEN "+canaryChannel); err != nil {
		return err
	}
	l.canaryHeard = false
	for {
		if err := l.hearCanary(ctx, conn); err != nil {
			return err
		}
		l.canaryHeard = false
		if !l.listening.Swap(true) {
			l.wakeUp() // what was inserted while nobody listened
			if l.warned {
				l.warned = false
				l.cfg.Log.Info("wakes arrive again")
			}
		}
		for deadline := time.Now().Add(l.cfg.Canary); time.Now().Before(deadline); {
			err := l.nextNotification(ctx, conn, min(l.cfg.Ping, time.Until(deadline)))
			if pgconn.Timeout(err) && ctx.Err() == nil {
				err = ping(ctx, conn)
			}
			if err != nil {
				return err
			}
		}
	}
}

// hearCanary proves that wakes arrive: it sends a canary and waits until it is heard.
func (l *listener) hearCanary(ctx context.Context, conn *pgx.Conn) error {
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
func (l *listener) nextNotification(ctx context.Context, conn *pgx.Conn, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	if err != nil {
		return err
	}
	l.canaryHeard = n.Channel == canaryChannel
	if n.Channel == wakeChannel {
		now := time.Now()
		l.firstWake.CompareAndSwap(nil, &now)
		l.wakeUp()
	}
	return nil
}

// sendCanary lets one of the pool's sessions notify the canary channel. Other replicas hear it too, and it proves as
// much to them.
func (l *listener) sendCanary(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, canaryTimeout)
	defer cancel()
	tag, err := l.cfg.Pool.Exec(ctx, canarySQL)
	if err != nil {
		return fmt.Errorf("canary: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errQueueFull
	}
	return nil
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, canaryTimeout)
	defer cancel()
	return conn.Ping(ctx)
}
