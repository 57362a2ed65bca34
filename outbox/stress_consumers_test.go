package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox"
)

const mostMembers = 4

// member is one of an arena's consumers. None of them polls.
type member struct {
	name   string
	wires  wires
	pool   *pgxpool.Pool
	cancel context.CancelFunc
	done   chan error
}

// come starts a consumer and waits until it hears.
func (a *arena) come() error {
	a.came++
	m := &member{name: fmt.Sprint("consumer ", a.came), done: make(chan error, 1)}
	pooled, err := pgxpool.ParseConfig(a.url)
	if err != nil {
		return err
	}
	pooled.ConnConfig.RuntimeParams["application_name"] = m.name
	pooled.ConnConfig.DialFunc = m.wires.dial
	if m.pool, err = pgxpool.NewWithConfig(context.Background(), pooled); err != nil {
		return err
	}
	listen, err := url.Parse(a.url)
	if err != nil {
		return err
	}
	query := listen.Query()
	query.Set("application_name", m.name)
	listen.RawQuery = query.Encode()
	log := logrus.New()
	log.SetOutput(&a.journal)
	c, err := outbox.New(outbox.Config{Pool: m.pool, ListenURL: listen.String(), Sender: &a.sent, Log: log.WithField("who", m.name), Poll: never,
		Senders: 1 << a.rng.IntN(5), SendTimeout: 2 * time.Second, Lease: 3 * time.Second, ProbeEvery: never})
	if err != nil {
		return err
	}
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	go func() {
		err := c.Run(ctx)
		m.pool.Close()
		m.done <- err
	}()
	a.crowd = append(a.crowd, m)
	for deadline := time.Now().Add(patience); !c.Listening(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s doesn't hear", m.name)
		}
	}
	a.journal.add("%s hears", m.name)
	return nil
}

// take removes the n-th consumer from the crowd.
func (a *arena) take(n int) *member {
	m := a.crowd[n]
	a.crowd = append(a.crowd[:n], a.crowd[n+1:]...)
	return m
}

// stop lets the n-th consumer finish.
func (a *arena) stop(n int) error {
	m := a.take(n)
	a.journal.add("%s is told to stop", m.name)
	m.cancel()
	err := <-m.done
	a.journal.add("%s has stopped", m.name)
	return err
}

// gather brings the crowd to n consumers.
func (a *arena) gather(n int) (err error) {
	for len(a.crowd) < n && err == nil {
		err = a.come()
	}
	for len(a.crowd) > n && err == nil {
		err = a.stop(a.rng.IntN(len(a.crowd)))
	}
	return err
}

// stir makes random changes to the crowd, and leaves somebody there.
func (a *arena) stir(events int) (err error) {
	for range events {
		time.Sleep(between(a.rng, 0, 80*time.Millisecond))
		n := a.rng.IntN(len(a.crowd))
		switch a.rng.IntN(4) {
		case 0:
			if len(a.crowd) < mostMembers {
				err = a.come()
			}
		case 1:
			err = a.stop(n)
		case 2:
			a.take(n).kill(context.Background(), a)
			a.killed++
		case 3:
			err = a.crowd[n].cut(context.Background(), a)
		}
		if len(a.crowd) == 0 && err == nil {
			err = a.come()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const cutSQL = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`

// cut ends all sessions of a consumer, which goes on.
func (m *member) cut(ctx context.Context, a *arena) error {
	a.journal.add("%s loses its sessions", m.name)
	_, err := a.Exec(ctx, cutSQL, m.name)
	return err
}

// kill is what the database sees of a SIGKILL: the sockets are closed at once, what the server was doing it finishes,
// and nothing is ever said again.
func (m *member) kill(ctx context.Context, a *arena) {
	a.journal.add("%s is killed", m.name)
	m.wires.cut()
	m.cancel()
	a.leaving.Go(func() {
		<-m.done // an error: what it can't store any more
		_, _ = a.Exec(ctx, cutSQL, m.name)
	})
}

// wires are a consumer's sockets.
type wires struct {
	mu   sync.Mutex
	dead bool
	open []net.Conn
}

func (w *wires) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		conn.Close()
		return nil, errors.New("killed")
	}
	w.open = append(w.open, conn)
	return conn, nil
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	for _, conn := range w.open {
		conn.Close()
	}
}

// ledger is the Sender of an arena. It remembers what was accepted, by label, which is the first parameter.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]int
}

func (l *ledger) Ready(context.Context) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted}
}

func (l *ledger) Send(ctx context.Context, m outbox.Claimed) outbox.Verdict {
	if m.TemplateID == "slow" {
		select {
		case <-time.After(rand.N(20 * time.Millisecond)): // a wire
		case <-ctx.Done():
			return outbox.Verdict{Outcome: outbox.Unknown, Text: "timeout"}
		}
	}
	if len(m.Params) > 1 && m.Params[1] == "later" && m.Attempt == 1 {
		return outbox.Verdict{Outcome: outbox.Later, Text: "busy"}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accepted == nil {
		l.accepted = make(map[string]int)
	}
	l.accepted[m.Params[0]]++
	return accepted(m)
}

func (l *ledger) count(label string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted[label]
}
