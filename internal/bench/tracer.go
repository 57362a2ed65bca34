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
	claims     series // s, from the statement to the last row read; those that got rows
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

type asked struct {
	at    time.Time
	claim bool
}

type askedKey struct{}

func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, askedKey{}, asked{time.Now(), strings.Contains(data.SQL, "attempts = attempts + 1")})
}

func (t *tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statements++
	t.trips++
	if q, _ := ctx.Value(askedKey{}).(asked); q.claim && data.CommandTag.RowsAffected() > 0 {
		t.claims = append(t.claims, time.Since(q.at).Seconds())
	}
}

func (t *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (t *tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statements++
}

func (t *tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trips++
}
