package bench

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// tracer counts what a consumer asks its database, and times its claims.
type tracer struct {
	mu         sync.Mutex
	statements int
	trips      int    // to the database and back: a batch is one
	claims     series // s, the trips that brought messages: from the first statement to the last row read
}

var (
	_ pgx.QueryTracer = (*tracer)(nil)
	_ pgx.BatchTracer = (*tracer)(nil)
)

func (t *tracer) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statements, t.trips, t.claims = 0, 0, nil
}

func (t *tracer) read() (statements, trips int, claims series) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.statements, t.trips, t.claims
}

// trip is one round trip to the database that is not over yet.
type trip struct {
	began   time.Time
	claimed bool
	sql     string // where it is of one statement
}

type tripKey struct{}

// answered counts a statement.
func (t *tracer) answered(ctx context.Context, sql string, rows int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statements++
	if rows > 0 && strings.Contains(sql, "attempts = attempts + 1") {
		ctx.Value(tripKey{}).(*trip).claimed = true
	}
}

func (t *tracer) end(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trips++
	if trip := ctx.Value(tripKey{}).(*trip); trip.claimed {
		t.claims = append(t.claims, time.Since(trip.began).Seconds())
	}
}

func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, tripKey{}, &trip{began: time.Now(), sql: data.SQL})
}

func (t *tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.answered(ctx, ctx.Value(tripKey{}).(*trip).sql, data.CommandTag.RowsAffected())
	t.end(ctx)
}

func (t *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, tripKey{}, &trip{began: time.Now()})
}

func (t *tracer) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	t.answered(ctx, data.SQL, data.CommandTag.RowsAffected())
}

func (t *tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) { t.end(ctx) }

// quiet returns when nothing has been asked for a while.
func (t *tracer) quiet() {
	for before := -1; ; {
		now, _, _ := t.read()
		if now == before {
			return
		}
		before = now
		time.Sleep(500 * time.Millisecond)
	}
}
