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
	channel    = "submsg"
	canary     = "submsg_canary"
	answerTime = 5 * time.Second
)

var (
	errDeaf = errors.New("the connection hears no NOTIFY: is it a transaction pooler, or another database? Then set SUBMSG_LISTEN_URL to a direct connection")
	errFull = errors.New("the server's notification queue is half full, so nobody notifies: end the session that listens and is idle in a transaction")
)

// A canary comes by the way of the wakes, from another session: one sent by the listening session itself is heard even
// through a transaction pooler. It stops where the triggers stop.
const canarySQL = `SELECT pg_notify('` + canary + `', '') WHERE pg_notification_queue_usage() < 0.5`

// listen keeps one connection listening until ctx is done. It never opens a transaction there: an idle one would
// hold the notification queue. Whatever goes wrong costs one poll interval per message, no more.
func (c *Consumer) listen(ctx context.Context) {
	wait := 100 * time.Millisecond
	why := "" // of the last time that was logged
	for ctx.Err() == nil {
		began := time.Now()
		err := c.hear(ctx)
		c.arrived.Store(false) // the pool may renew its connections without a word
		heard := c.listening.Swap(false)
		if heard || time.Since(began) > time.Minute {
			wait = 100 * time.Millisecond
		}
		if ctx.Err() != nil {
			return
		}
		if reason := deafness(err); heard || !c.deaf || reason != why {
			why, c.deaf = reason, true
			c.cfg.Log.Warnf("wakes don't arrive, messages are found by polling every %s until they do; `submsg doctor` looks into it: %v", c.cfg.Poll, err)
		}
		sleep(ctx, wait)
		wait = min(wait*2, 2*time.Second)
		if errors.Is(err, errDeaf) { // won't heal by itself
			wait = 30 * time.Second
		}
	}
}

// deafness is the kind of an error: its text may hold a port, another one each time.
func deafness(err error) string {
	if errors.Is(err, errDeaf) || errors.Is(err, errFull) {
		return err.Error()
	}
	return sqlState(err)
}

// hear listens on one connection for as long as it works.
func (c *Consumer) hear(ctx context.Context) error {
	connectCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(connectCtx, c.listenConfig.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(connectCtx, "LISTEN "+channel+"; LISTEN "+canary); err != nil {
		return err
	}
	heard := ""
	next := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		heard = n.Channel
		if n.Channel == channel {
			now := time.Now()
			c.heard.CompareAndSwap(nil, &now)
			c.wakeUp()
		}
		return nil
	}
	for {
		if err := c.sing(ctx); err != nil {
			return err
		}
		for deadline := time.Now().Add(answerTime); heard != canary; {
			if err := next(time.Until(deadline)); pgconn.Timeout(err) && ctx.Err() == nil {
				return errDeaf
			} else if err != nil {
				return err
			}
		}
		if !c.listening.Swap(true) {
			c.wakeUp() // what was inserted while nobody listened
			if c.deaf {
				c.deaf = false
				c.cfg.Log.Info("wakes arrive again")
			}
		}
		heard = ""
		for deadline := time.Now().Add(c.cfg.Canary); time.Now().Before(deadline); {
			err := next(min(c.cfg.Ping, time.Until(deadline)))
			if pgconn.Timeout(err) && ctx.Err() == nil {
				err = ping(ctx, conn)
			}
			if err != nil {
				return err
			}
		}
	}
}

// sing lets one of the pool's sessions notify the canary channel. Other replicas hear it too: for them it is as good a proof.
func (c *Consumer) sing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	tag, err := c.cfg.Pool.Exec(ctx, canarySQL)
	if err != nil {
		return fmt.Errorf("canary: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errFull
	}
	return nil
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return conn.Ping(ctx)
}

// wakeUp makes the pump look; many wakes are one.
func (c *Consumer) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
