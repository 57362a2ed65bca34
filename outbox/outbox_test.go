package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/outbox"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// channel is a Sender that keeps a ledger and answers as told.
type channel struct {
	mu       sync.Mutex
	sent     []outbox.Claimed
	inFlight map[string]int // by openid
	most     int            // in flight for one openid
	answer   func(context.Context, outbox.Claimed) outbox.Verdict
	ready    func() outbox.Verdict
}

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []outbox.Account{{Name: "default", OnePersonAtATime: true}}

func (c *channel) Accounts() []outbox.Account { return anyAccount }

func (c *channel) Ready(context.Context, string) outbox.Verdict {
	if c.ready != nil {
		return c.ready()
	}
	return outbox.Verdict{Outcome: outbox.Accepted}
}

func (c *channel) Send(ctx context.Context, m outbox.Claimed) outbox.Verdict {
	c.mu.Lock()
	c.sent = append(c.sent, m)
	if c.inFlight == nil {
		c.inFlight = make(map[string]int)
	}
	c.inFlight[m.OpenID]++
	c.most = max(c.most, c.inFlight[m.OpenID])
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.inFlight[m.OpenID]--
		c.mu.Unlock()
	}()
	if c.answer != nil {
		return c.answer(ctx, m)
	}
	return accepted(m)
}

func accepted(m outbox.Claimed) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted, Code: new(int32), Text: "ok", MsgID: 1<<60 + m.ID}
}

func (c *channel) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sent)
}

// counts is how often each message was sent.
func (c *channel) counts() map[int64]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := make(map[int64]int)
	for _, m := range c.sent {
		n[m.ID]++
	}
	return n
}

// db is a test's database.
type db struct {
	*pgxpool.Pool
	t   *testing.T
	url string
}

func newDB(t *testing.T) *db {
	t.Helper()
	url := pgtest.DB(t)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &db{pool, t, url}
}

func (d *db) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.Exec(context.Background(), sql, args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

// noteClaims does for rows that a test inserted as sending what their claim would have done.
func (d *db) noteClaims() {
	d.t.Helper()
	d.exec(`INSERT INTO subMsgClaim
		SELECT claimId, leaseUntil, ARRAY[id] FROM subMsgList WHERE sendStatus = 'sending' ON CONFLICT DO NOTHING`)
}

// one reads a single value.
func one[T any](d *db, sql string, args ...any) T {
	d.t.Helper()
	var v T
	if err := d.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// count counts the messages of which where is true.
func (d *db) count(where string, args ...any) int {
	d.t.Helper()
	return one[int](d, `SELECT count(*) FROM subMsgList WHERE `+where, args...)
}

func (d *db) insert(messages ...outbox.Message) []int64 {
	d.t.Helper()
	var ids []int64
	err := pgx.BeginFunc(context.Background(), d.Pool, func(tx pgx.Tx) (err error) {
		ids, err = outbox.Insert(context.Background(), tx, messages...)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return ids
}

func (d *db) status(id int64) string {
	d.t.Helper()
	return one[string](d, `SELECT sendStatus FROM subMsgList WHERE id = $1`, id)
}

// hasKind checks what submsg itself says of a message: its errKind, "" for none.
func (d *db) hasKind(id int64, want string) {
	d.t.Helper()
	if got := one[string](d, `SELECT coalesce(errKind, '') FROM subMsgList WHERE id = $1`, id); got != want {
		d.t.Errorf("message %d has errKind %q, want %q", id, got, want)
	}
}

// eventually waits for a condition; ten seconds is for slow machines, not for the code.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (d *db) eventually(id int64, status string) {
	d.t.Helper()
	got := ""
	defer func() {
		if got != status {
			d.t.Errorf("message %d is %q: %s", id, got, one[string](d, `SELECT row_to_json(m)::text
				FROM subMsgList m WHERE id = $1`, id))
		}
	}()
	eventually(d.t, fmt.Sprintf("message %d is %s", id, status), func() bool {
		got = d.status(id)
		return got == status
	})
}

// never is a poll interval that no test lives to see: what happens, happens by a wake or a timer.
const never = time.Hour

func config(d *db, s outbox.Sender) outbox.Config {
	log := logrus.New()
	log.SetOutput(io.Discard)
	if testing.Verbose() {
		log.SetOutput(d.t.Output())
	}
	pooled, err := pgxpool.ParseConfig(d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	pooled.ConnConfig.RuntimeParams["application_name"] = "consumer"
	pool, err := pgxpool.NewWithConfig(context.Background(), pooled)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(pool.Close)
	return outbox.Config{Pool: pool, ListenURL: d.url, Sender: s, Log: logrus.NewEntry(log), Poll: never,
		SendTimeout: 5 * time.Second, Lease: 8 * time.Second, ProbeEvery: 50 * time.Millisecond}
}

// run starts a consumer, waits until it listens, and returns its stop, which the test's end calls too.
func run(t *testing.T, cfg outbox.Config) (stop func() error) {
	t.Helper()
	c, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = runConsumer(t, c)
	if cfg.ListenURL != "" {
		eventually(t, "listening", c.Listening)
	}
	return stop
}

func runConsumer(t *testing.T, c *outbox.Consumer) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("Run didn't end")
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return stop
}

// asleep wakes the consumer once more and waits until it rests: it has asked for wakes and done nothing since for
// a while. What it knows by then, it knows; what comes later, only a wake can tell it.
func (d *db) asleep() {
	d.t.Helper()
	began := one[time.Time](d, `SELECT clock_timestamp() FROM pg_notify('submsg', '')`)
	eventually(d.t, "the consumer sleeps", func() bool {
		return one[bool](d, `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1
			AND max(state_change) > $1
			AND bool_and(state = 'idle' AND clock_timestamp() - state_change > interval '50 ms')
			FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'consumer'`, began)
	})
}

func message(n int) outbox.Message {
	return outbox.Message{OpenID: fmt.Sprintf("o%d", n), TemplateID: "t", Params: []string{"a", "b"}}
}

// newAdmin is a single connection beside the pool.
func newAdmin(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
