package outbox

import (
	"context"
	"io"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// batchSize is how many messages the batches below have: as many as there are senders by default.
const batchSize = 64

// hotPath is a part of what is done for each message or batch, and the most that it may allocate.
type hotPath struct {
	name   string
	allocs float64
	do     func()
}

func hotPaths(t testing.TB) []hotPath {
	m := claimed{
		Claimed: Claimed{ID: 7, OpenID: "o0000000000000000000000000007", TemplateID: "orderStatus", Attempt: 1},
		claim:   uuid.NewString(),
	}
	ok := Verdict{Outcome: Accepted, Code: new(int32), Text: "ok", MsgID: 1988810812324364291}
	batch := make([]settlement, batchSize)
	ids := make([]int64, batchSize)
	for i := range batch {
		batch[i] = m.settlement(ok, 10)
		batch[i].id, ids[i] = int64(i), int64(i)
	}
	q := recipientQueue{waiting: map[string][]claimed{}}
	types, wire := pgtype.NewMap(), textArray(t, "生椰拿铁", "19.9", "已发货", "预计明日送达")
	var params parameterList
	var texts []string
	scan := func() {
		if err := types.Scan(pgtype.TextArrayOID, pgtype.BinaryFormatCode, wire, &params); err != nil {
			t.Fatal(err)
		}
		texts, _ = params.texts()
	}
	scan()
	if len(texts) != 4 || texts[3] != "预计明日送达" {
		t.Fatalf("scanned %q", texts)
	}
	return []hotPath{
		{"parameters", 8, scan},
		{"recipient queue", 0, func() { q.enter(m, 4); q.next(m.OpenID) }},
		{"settle", 1, func() { _ = m.settlement(ok, 10) }},
		{"columns", 19, func() { _ = columns(batch) }},
		{"without", 3, func() { _ = without(batch, ids) }},
	}
}

// textArray is a text[] as Postgres sends it.
func textArray(t testing.TB, elements ...string) []byte {
	wire, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, elements, nil)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func BenchmarkHotPaths(b *testing.B) {
	for _, p := range hotPaths(b) {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.do()
			}
		})
	}
}

func TestHotPathsAllocate(t *testing.T) {
	for _, p := range hotPaths(t) {
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
	s := newSettler(c)
	batch := make([]judged, 0, batchSize)
	refill := func() {
		if _, err := pool.Exec(b.Context(), backlogSQL); err != nil {
			b.Fatal(err)
		}
		got, err := s.claim(b.Context(), uuid.NewString(), oldest, batchSize-len(batch))
		if err != nil {
			b.Fatal(err)
		}
		batch = judgedAccepted(batch, got)
		s.hasBacklog.Store(true)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(batch) < batchSize {
			b.StopTimer()
			refill()
			b.StartTimer()
		}
		left, got := s.settleBatch(b.Context(), batch)
		if len(left) > 0 {
			b.Fatalf("%d messages were not settled", len(left))
		}
		batch = judgedAccepted(batch[:0], got)
	}
}

const backlogSQL = `
INSERT INTO subMsgList (openid, templateId, parameterArr)
SELECT 'o' || lpad(n::text, 27, '0'), 'orderStatus', '{生椰拿铁,19.9,已发货,预计明日送达}' FROM generate_series(1, 20000) AS n`

type accepting struct{}

func (accepting) Ready(context.Context) Verdict         { return Verdict{Outcome: Accepted} }
func (accepting) Send(context.Context, Claimed) Verdict { return Verdict{Outcome: Accepted} }

func judgedAccepted(batch []judged, got []claimed) []judged {
	for _, m := range got {
		batch = append(batch, judged{m, Verdict{Outcome: Accepted, Code: new(int32), Text: "ok", MsgID: 1<<60 + m.ID}})
	}
	return batch
}
