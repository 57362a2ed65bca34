package outbox

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/outbox/internal/store"
)

// batchSize is how many messages the batches below have: as many as there are senders by default.
const batchSize = 64

// hotPath is a part of what is done for each message or batch, and the most that it may allocate.
type hotPath struct {
	name   string
	allocs float64
	do     func()
}

func hotPaths() []hotPath {
	m := message{Row: store.Row{ID: 7, OpenID: "o0000000000000000000000000007", TemplateID: "orderStatus", Attempts: 1,
		ClaimID: uuid.NewString()}, deadline: time.Hour}
	ok := Verdict{Outcome: Accepted, Code: new(int32), Text: "ok", MsgID: 1988810812324364291}
	h := newHoldings()
	q := h.newQueue(1, true, time.Second)
	h.outcomes = make([]store.Settlement, 0, batchSize)
	way := func() {
		q.ahead.push(m)
		next, _ := q.begin(0)
		h.returned(next, store.Settlement{})
		q.returned(next)
		h.outcomes = h.outcomes[:0]
	}
	return []hotPath{
		{"a message's way through the books", 0, way},
		{"settle", 1, func() { _ = settlement(&m.Row, ok, 10) }},
	}
}

func BenchmarkHotPaths(b *testing.B) {
	for _, p := range hotPaths() {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.do()
			}
		})
	}
}

func TestHotPathsAllocate(t *testing.T) {
	for _, p := range hotPaths() {
		if n := testing.AllocsPerRun(100, p.do); n > p.allocs && !raced {
			t.Errorf("%s: %g allocations, at most %g are needed", p.name, n, p.allocs)
		}
	}
}

// BenchmarkExchange settles a batch and claims the next one of a backlog, in its one round trip.
func BenchmarkExchange(b *testing.B) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	pool := pgtest.Pool(b)
	c, err := New(Config{Pool: pool, Sender: accepting{}, Log: logrus.NewEntry(log)})
	if err != nil {
		b.Fatal(err)
	}
	d := c.dispatcher
	var outcomes []store.Settlement
	claim := func() *store.Claim {
		part := store.Part{Account: "default", Alone: true, Limit: batchSize, Depth: batchSize,
			Seek: []store.Sought{{TemplateID: "orderStatus", After: store.Front}}}
		return &store.Claim{ID: uuid.NewString(), Parts: []store.Part{part}, Limit: batchSize, Lease: time.Minute,
			End: time.Now().Add(time.Hour)}
	}
	exchange := func() {
		a, err := d.store.Exchange(b.Context(), store.Request{Settle: outcomes, Oldest: claim()})
		if err != nil || len(a.Settled) != len(outcomes) {
			b.Fatalf("%d of %d messages were settled: %v", len(a.Settled), len(outcomes), err)
		}
		outcomes = outcomes[:0]
		for _, r := range a.Oldest.Rows {
			outcomes = append(outcomes, settlement(&r, Verdict{Outcome: Accepted, Text: "ok", MsgID: 1 << 60}, 10))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(outcomes) < batchSize {
			b.StopTimer()
			if _, err := pool.Exec(b.Context(), backlogSQL); err != nil {
				b.Fatal(err)
			}
			exchange()
			b.StartTimer()
		}
		exchange()
	}
}

const backlogSQL = `
INSERT INTO subMsgList (openid, templateId, parameterArr)
SELECT 'o' || lpad(n::text, 27, '0'), 'orderStatus', '{生椰拿铁,19.9,已发货,预计明日送达}' FROM generate_series(1, 20000) AS n`

type accepting struct{}

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []Account{{Name: "default", OnePersonAtATime: true}}

func (accepting) Accounts() []Account { return anyAccount }

func (accepting) Ready(context.Context, string) Verdict { return Verdict{Outcome: Accepted} }
func (accepting) Send(context.Context, Claimed) Verdict { return Verdict{Outcome: Accepted} }
