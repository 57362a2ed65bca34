// Package tracing makes a span of every send, and exports it by OpenTelemetry.
//
// It is configured by OpenTelemetry's standard variables alone, and off unless they name an exporter or an endpoint. A span is a
// child of what the message's traceparent names (W3C Trace Context). What is said of a send is bounded, and nothing about a person
// is in it, nor what the message or WeChat said.
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

// Config is what the environment doesn't say.
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

// New reads the environment, and returns nil where that doesn't ask for traces. An error is a mistake in the environment.
// Trouble with the collector comes later, to OpenTelemetry's error handler.
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

// start lets spans go to exporter in batches: what it can't take in time is dropped, and no send waits for it.
func start(exporter sdk.SpanExporter, cfg Config, options ...sdk.TracerProviderOption) *Tracing {
	provider := sdk.NewTracerProvider(append(options, sdk.WithBatcher(exporter))...)
	tracer := provider.Tracer("github.com/submsg/submsg", trace.WithInstrumentationVersion(cfg.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return &Tracing{provider, tracer, cfg.Template}
}

// Shutdown exports what is left, for a few seconds at most whatever becomes of ctx. Call it when no send is under way.
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
