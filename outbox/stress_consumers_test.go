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

const mostReplicas = 4

// replica is one of a trial's consumers. None of them polls.
type replica struct {
	name    string
	sockets sockets
	pool    *pgxpool.Pool
	cancel  context.CancelFunc
	done    chan error
}

// startReplica starts a consumer and waits until it listens.
func (a *trial) startReplica() error {
	a.started++
	m := &replica{name: fmt.Sprint("consumer ", a.started), done: make(chan error, 1)}
	pooled, err := pgxpool.ParseConfig(a.url)
	if err != nil {
		return err
	}
	pooled.ConnConfig.RuntimeParams["application_name"] = m.name
	pooled.ConnConfig.DialFunc = m.sockets.dial
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
	c, err := outbox.New(outbox.Config{Pool: m.pool, ListenURL: listen.String(), Sender: &a.sent,
		Log: log.WithField("who", m.name), Poll: never,
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
	a.replicas = append(a.replicas, m)
	for deadline := time.Now().Add(patience); !c.Listening(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s doesn't listen", m.name)
		}
	}
	a.journal.add("%s listens", m.name)
	return nil
}

// remove removes the n-th replica.
func (a *trial) remove(n int) *replica {
	m := a.replicas[n]
	a.replicas = append(a.replicas[:n], a.replicas[n+1:]...)
	return m
}

// stopReplica lets the n-th replica finish.
func (a *trial) stopReplica(n int) error {
	m := a.remove(n)
	a.journal.add("%s is told to stop", m.name)
	m.cancel()
	err := <-m.done
	a.journal.add("%s has stopped", m.name)
	return err
}

// scaleTo starts or stops replicas until there are n.
func (a *trial) scaleTo(n int) (err error) {
	for len(a.replicas) < n && err == nil {
		err = a.startReplica()
	}
	for len(a.replicas) > n && err == nil {
		err = a.stopReplica(a.rng.IntN(len(a.replicas)))
	}
	return err
}

// changeReplicas starts, stops, kills and cuts off replicas by chance. It leaves one at least.
func (a *trial) changeReplicas(events int) (err error) {
	for range events {
		time.Sleep(between(a.rng, 0, 80*time.Millisecond))
		n := a.rng.IntN(len(a.replicas))
		switch a.rng.IntN(4) {
		case 0:
			if len(a.replicas) < mostReplicas {
				err = a.startReplica()
			}
		case 1:
			err = a.stopReplica(n)
		case 2:
			a.remove(n).kill(context.Background(), a)
			a.killed++
		case 3:
			err = a.replicas[n].cut(context.Background(), a)
		}
		if len(a.replicas) == 0 && err == nil {
			err = a.startReplica()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const cutSQL = `SELECT pg_terminate_backend(pid)
	FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`

// cut ends all sessions of a consumer, which goes on.
func (m *replica) cut(ctx context.Context, a *trial) error {
	a.journal.add("%s loses its sessions", m.name)
	_, err := a.Exec(ctx, cutSQL, m.name)
	return err
}

// kill is what the database sees of a SIGKILL: the sockets are closed at once, what the server was doing it finishes,
// and nothing is ever said again.
func (m *replica) kill(ctx context.Context, a *trial) {
	a.journal.add("%s is killed", m.name)
	m.sockets.cut()
	m.cancel()
	a.dying.Go(func() {
		<-m.done // an error: what it can't store any more
		_, _ = a.Exec(ctx, cutSQL, m.name)
	})
}

// sockets are the connections of a consumer, which a kill closes.
type sockets struct {
	mu   sync.Mutex
	dead bool
	open []net.Conn
}

func (w *sockets) dial(ctx context.Context, network, address string) (net.Conn, error) {
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

func (w *sockets) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	for _, conn := range w.open {
		conn.Close()
	}
}

// ledger is the Sender of a trial. It remembers what was accepted, by label, which is the first parameter.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]int
}

func (l *ledger) Accounts() []outbox.Account { return anyAccount }

func (l *ledger) Ready(context.Context, string) outbox.Verdict {
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
