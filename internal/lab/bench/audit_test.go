package bench

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/outbox"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// openLab is a lab with a database, and a fake in this process.
func openLab(t *testing.T, scale Scale) (*fake, workload) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	l, err := open(t.Context(), Config{DatabaseURL: pgtest.Empty(t), Senders: 4, Scale: scale,
		Log: logrus.NewEntry(log), Progress: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := l.create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.drop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := l.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(fakewechat.New(fakewechat.Options{GrantAll: true}))
	t.Cleanup(server.Close)
	return &fake{lab: l, url: server.URL}, workload{d}
}

// meddler does something beside each send.
type meddler struct {
	outbox.Sender
	also func(outbox.Claimed)
}

func (m meddler) Send(ctx context.Context, c outbox.Claimed) outbox.Verdict {
	m.also(c)
	return m.Sender.Send(ctx, c)
}

func TestAuditOfADrain(t *testing.T) {
	f, d := openLab(t, Scale{})
	client, err := f.client(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	const n = 50
	for _, tt := range []struct {
		name string
		also func(outbox.Claimed)
		want string // part of the error
	}{
		{"all is well", func(outbox.Claimed) {}, ""},
		{"one is sent twice", func(c outbox.Claimed) {
			if strings.HasSuffix(c.OpenID, "7") {
				client.Send(context.Background(), c)
			}
		}, "the fake WeChat accepted 55 messages, 50 were to be sent"},
		{"one is deleted meanwhile", func(c outbox.Claimed) {
			if strings.HasSuffix(c.OpenID, "07") {
				_ = d.exec(context.Background(), `DELETE FROM subMsgList WHERE id = $1`, c.ID)
			}
		}, "49 messages were settled, not 50"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.last = 0
			took, _, err := d.refillAndSend(t.Context(), f, meddler{client, tt.also}, 4, n)
			switch {
			case tt.want == "" && (err != nil || took <= 0):
				t.Errorf("took %s, %v", took, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDelaysMissNoMessage(t *testing.T) {
	f, _ := openLab(t, Scale{})
	client, err := f.client(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	accepted, err := f.accepted(t.Context()) // those that opened the connections, numbered from 1
	if err != nil || accepted == 0 {
		t.Fatalf("%d accepted, %v", accepted, err)
	}
	now := time.Now()
	for _, tt := range []struct {
		name     string
		commits  map[int]time.Time
		accepted int
		want     string // part of the error
	}{
		{"all is well", map[int]time.Time{1: now.Add(-time.Minute)}, accepted, ""},
		{"one never came", map[int]time.Time{1: now, accepted + 1: now}, accepted, fmt.Sprintf("message %d never came", accepted+1)},
		{"one more was settled", map[int]time.Time{1: now}, accepted + 1, fmt.Sprintf("%d were to be sent", accepted+1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			late, err := f.delays(t.Context(), tt.commits, tt.accepted)
			switch {
			case tt.want == "" && (err != nil || len(late) != 1 || late[0] < 59):
				t.Errorf("delays %v, %v", late, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSettledFindsWhatEndedOtherwise(t *testing.T) {
	_, d := openLab(t, Scale{})
	if err := d.fillSettled(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if n, err := d.settled(t.Context()); n != 0 || err != nil {
		t.Errorf("nothing was sent, and %d are settled, %v", n, err)
	}
	if err := d.exec(t.Context(), `UPDATE subMsgList SET sendStatus = 'wait' WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	if err := d.exec(t.Context(), `UPDATE subMsgList SET attempts = 1 WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := d.settled(t.Context()); err == nil {
		t.Error("a message that was tried and waits again passes for settled")
	}
}

func TestPinHoldsASnapshot(t *testing.T) {
	_, d := openLab(t, Scale{})
	holders := func() (n int) {
		err := d.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	inside := -1
	if err := d.pin(t.Context(), func() error { inside = holders(); return nil }); err != nil {
		t.Fatal(err)
	}
	if inside != 1 || holders() != 0 {
		t.Errorf("%d snapshots held inside, %d after", inside, holders())
	}
}

func TestEarHearsWhatNoTracerSees(t *testing.T) {
	_, d := openLab(t, Scale{})
	stranger, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stranger.Close(context.Background()) })
	ask := func(ask func(context.Context, string, ...any) (pgconn.CommandTag, error)) {
		t.Helper()
		if _, err := ask(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	ask(stranger.Exec)
	e := statementCounter{d: d.database}
	for i, step := range []struct {
		what string
		do   func()
		want int
	}{
		{"what was asked before doesn't count", func() {}, 0},
		{"nothing asked since", func() {}, 0},
		{"a statement", func() { ask(stranger.Exec) }, 1},
		{"our own don't count", func() { ask(d.pool.Exec) }, 1},
		{"another statement", func() { ask(stranger.Exec) }, 2},
	} {
		step.do()
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.heard != step.want {
			t.Fatalf("step %d, %s: heard %d, want %d", i, step.what, e.heard, step.want)
		}
	}
}
