package serve

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/cli/version"
	"github.com/submsg/submsg/internal/tracing"
)

// newTracing is off unless OTEL_… variables ask for traces. What OpenTelemetry complains of from then on goes to the
// log.
func newTracing(ctx context.Context, term terminal.Terminal, log *logrus.Entry,
	live *account.Live) (*tracing.Tracing, error) {
	trouble := &traceTrouble{log: log}
	otel.SetErrorHandler(trouble)
	otel.SetLogger(logr.New(traceLog{trouble}))
	traces, err := tracing.New(ctx, tracing.Config{Version: version.String(), Template: nameOf(live),
		Console: term.Err})
	if err != nil {
		return nil, terminal.UsageError{Err: err}
	}
	return traces, nil
}

// flush exports the last spans.
func flush(ctx context.Context, traces *tracing.Tracing, log *logrus.Entry) {
	if err := traces.Shutdown(ctx); err != nil {
		log.Warnf("the last traces were not exported: %s", tracing.Trouble(err))
	}
}

// traceTrouble warns once a minute at most, and of the same once an hour: with a collector away each batch meets
// trouble.
type traceTrouble struct {
	log  *logrus.Entry
	mu   sync.Mutex
	text string
	at   time.Time
}

// Handle is OpenTelemetry's error handler.
func (t *traceTrouble) Handle(err error) {
	text := tracing.Trouble(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if since := time.Since(t.at); since < time.Minute || text == t.text && since < time.Hour {
		t.log.Debugf("traces: %s", text)
		return
	}
	t.text, t.at = text, time.Now()
	t.log.Warnf("traces: %s", text)
}

// traceLog takes what OpenTelemetry would log by itself: without the values, which are those of variables and headers.
type traceLog struct{ *traceTrouble }

func (l traceLog) Error(err error, what string, _ ...any) { l.Handle(fmt.Errorf("%s: %w", what, err)) }

func (l traceLog) WithValues(...any) logr.LogSink { return l }

func (l traceLog) WithName(string) logr.LogSink { return l }

func (traceLog) Init(logr.RuntimeInfo) {}

func (traceLog) Enabled(int) bool { return false }

func (traceLog) Info(int, string, ...any) {}
