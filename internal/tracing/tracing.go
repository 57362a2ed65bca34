// Package tracing makes a span of every send, and exports it by OpenTelemetry.
//
// OpenTelemetry's standard variables alone configure it: it is off unless they name an exporter or an endpoint. The
// span of a send is a child of the one that the message's traceparent names (W3C Trace Context). Its attributes are
// bounded: nothing about a person is in them, and no text of the message or of WeChat. It knows no channel and no
// database: it wraps any outbox.Sender.
//
// Begin reading at sender.go for the span, at environment.go for the variables, at trouble.go for what may be logged.
package tracing

import (
	"context"
	"io"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/submsg/submsg/outbox"
)

// flushFor is how long Shutdown waits for the collector.
const flushFor = 3 * time.Second

// Config is what New needs beside the environment.
type Config struct {
	Version  string
	Template func(idOrName string) string // a template's name by its id or name, "" for one that isn't known
	Console  io.Writer                    // where the exporter "console" writes, one line of JSON a span
}

// Tracing makes spans. A nil one is off: it wraps nothing and has nothing to flush.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	template func(idOrName string) string
}

// New reads the environment, and returns nil where that doesn't ask for traces. Its error is a mistake in the
// environment. Trouble with the collector comes later, to OpenTelemetry's error handler.
func New(ctx context.Context, cfg Config) (*Tracing, error) {
	exporter, err := newExporter(ctx, cfg.Console)
	if exporter == nil || err != nil {
		return nil, err
	}
	about, err := newResource(ctx, cfg.Version)
	if err != nil {
		return nil, err
	}
	return start(exporter, cfg, sdk.WithResource(about)), nil
}

// start exports the spans in batches. Spans that the exporter can't take in time are dropped, so that no send waits
// for it.
func start(exporter sdk.SpanExporter, cfg Config, options ...sdk.TracerProviderOption) *Tracing {
	provider := sdk.NewTracerProvider(append(options, sdk.WithBatcher(exporter))...)
	tracer := provider.Tracer("github.com/submsg/submsg",
		trace.WithInstrumentationVersion(cfg.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return &Tracing{provider, tracer, cfg.Template}
}

// Shutdown exports the spans that are left, and takes a few seconds at most, also where ctx is done already. It is to
// be called when no send is under way.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushFor)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Wrap returns a Sender that makes a span of each send of s.
func (t *Tracing) Wrap(s outbox.Sender) outbox.Sender {
	if t == nil {
		return s
	}
	return sender{s, t}
}

// TraceID is the trace that a traceparent names, 32 hexadecimal digits, or "" for what is no traceparent.
func TraceID(traceparent string) string {
	ctx := propagation.TraceContext{}.Extract(context.Background(), header(traceparent))
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return id.String()
	}
	return ""
}
