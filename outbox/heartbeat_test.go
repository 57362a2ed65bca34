package outbox_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// A consumer is alive while it rests, while its channel is away, and while its database is.
func TestAlive(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ready outbox.Outcome
		spoil func(d *db)
	}{
		{"at rest", outbox.Accepted, func(*db) {}},
		{"nothing can be sent", outbox.Halt, func(*db) {}},
		{"the database refuses", outbox.Accepted, func(d *db) { d.exec(`ALTER TABLE subMsgList RENAME TO gone`) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDB(t)
			cfg := config(d, &channel{ready: func() outbox.Verdict {
				return outbox.Verdict{Outcome: tt.ready, Text: "stopped"}
			}})
			cfg.Poll = 10 * time.Millisecond
			c, err := outbox.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			stop := runConsumer(t, c)
			tt.spoil(d)
			for range 3 {
				c.Silent(time.Hour) // it may have given a sign of life before anybody can look
				eventually(t, "it is alive", c.Alive)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if c.Silent(time.Hour); c.Alive() {
				t.Error("alive after its end")
			}
		})
	}
}

// A send's message knows since when it could have been sent.
func TestDue(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	s := &channel{}
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter) VALUES ('scheduled', 't', '2026-01-01 00:00:00Z', '2026-01-02 03:04:05Z'),
		('earlier', 't', '2026-01-02 03:04:05Z', '2026-01-01 00:00:00Z'), ('never', 't', '2026-01-02 03:04:05Z', '-infinity'), ('ever', 't', '-infinity', '-infinity')`)
	run(t, config(d, s))
	eventually(t, "all are sent", func() bool { return s.count() == 4 })
	for _, m := range s.sent {
		want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		if m.OpenID == "ever" {
			want = time.Time{}
		}
		if !m.Due.Equal(want) {
			t.Errorf("message %s is due %v, want %v", m.OpenID, m.Due, want)
		}
	}
}

// The listening connection is made from the pool's URL, settings of the pool included.
func TestListensByThePoolsURL(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	cfg := config(d, &channel{})
	u, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("pool_max_conns", "2")
	u.RawQuery = query.Encode()
	cfg.ListenURL = u.String()
	run(t, cfg) // waits until it listens
}
