package tracing

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/submsg/submsg/outbox"
)

// setEnv sets variables written as NAME=value.
func setEnv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

func TestOnOrOff(t *testing.T) {
	for name, tt := range map[string]struct {
		env []string
		on  bool
	}{
		"nothing set":           {nil, false},
		"empty":                 {[]string{"OTEL_TRACES_EXPORTER=", "OTEL_EXPORTER_OTLP_ENDPOINT= "}, false},
		"none":                  {[]string{"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, false},
		"disabled":              {[]string{"OTEL_SDK_DISABLED=True", "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false},
		"only a protocol":       {[]string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_SERVICE_NAME=x"}, false},
		"an endpoint":           {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, true},
		"an endpoint of traces": {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://127.0.0.1:1/x"}, true},
		"otlp":                  {[]string{"OTEL_TRACES_EXPORTER=otlp"}, true},
		"console":               {[]string{"OTEL_TRACES_EXPORTER=console", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, true},
		"its own protocol":      {[]string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			setEnv(t, tt.env...)
			tracing, err := New(t.Context(), Config{Template: named, Console: io.Discard})
			if err != nil || (tracing != nil) != tt.on {
				t.Fatalf("on %t, %v", tracing != nil, err)
			}
			inner := &struct{ script }{accepts}
			if wrapped := tracing.Wrap(inner); (wrapped == outbox.Sender(inner)) == tt.on {
				t.Errorf("wrapped %t", tt.on)
			}
			if err := tracing.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		says string
	}{
		"grpc":        {[]string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, `OTEL_EXPORTER_OTLP_PROTOCOL is "grpc", submsg speaks http/protobuf only`},
		"json":        {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json"}, `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is "http/json"`},
		"zipkin":      {[]string{"OTEL_TRACES_EXPORTER=zipkin"}, `OTEL_TRACES_EXPORTER is "zipkin", it must be otlp, console or none`},
		"no scheme":   {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=user:secret@host:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		"no host":     {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http:///secret", "OTEL_EXPORTER_OTLP_ENDPOINT=http://x"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL"},
		"no URL":      {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:secret@%zz"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		"a bare word": {[]string{"OTEL_TRACES_EXPORTER=console", "OTEL_RESOURCE_ATTRIBUTES=a=b,secret"}, "OTEL_RESOURCE_ATTRIBUTES must be like"},
	} {
		t.Run(name, func(t *testing.T) {
			setEnv(t, tt.env...)
			tracing, err := New(t.Context(), Config{Template: named, Console: io.Discard})
			if tracing != nil || err == nil ||
				!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %s", err, tt.says)
			}
		})
	}
}

func TestResource(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want map[string]string
	}{
		"by default":  {nil, map[string]string{"service.name": "submsg", "service.version": "v1", "team": ""}},
		"named":       {[]string{"OTEL_SERVICE_NAME=shop", "OTEL_RESOURCE_ATTRIBUTES=team=a%20b,service.name=other"}, map[string]string{"service.name": "shop", "service.version": "v1", "team": "a b"}},
		"all of them": {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=other,service.version=v2"}, map[string]string{"service.name": "other", "service.version": "v2", "team": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			setEnv(t, tt.env...)
			about, err := newResource(t.Context(), "v1")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for key := range tt.want {
				value, _ := about.Set().Value(attribute.Key(key))
				got[key] = value.AsString()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The SDK reads its own variables: those of the sampler and of batches.
func TestSampler(t *testing.T) {
	for name, tt := range map[string]struct {
		sampler, traceparent string
		spans                int
	}{
		"off, no parent":              {"parentbased_always_off", "", 0},
		"off, the parent is sampled":  {"parentbased_always_off", parent, 1},
		"off whatever the parent":     {"always_off", parent, 0},
		"on, the parent is not":       {"always_on", strings.TrimSuffix(parent, "1") + "0", 1},
		"by default with the parents": {"", strings.TrimSuffix(parent, "1") + "0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			setEnv(t, "OTEL_TRACES_SAMPLER="+tt.sampler)
			if spans := spansOf(t, accepts, outbox.Claimed{TraceParent: tt.traceparent}); len(spans) != tt.spans {
				t.Errorf("%d spans, want %d", len(spans), tt.spans)
			}
		})
	}
}

func TestConsole(t *testing.T) {
	setEnv(t, "OTEL_TRACES_EXPORTER=console")
	var console strings.Builder
	tracing, err := New(t.Context(), Config{Template: named, Console: &console})
	if err != nil {
		t.Fatal(err)
	}
	s := tracing.Wrap(script(accepts))
	s.Send(t.Context(), outbox.Claimed{ID: 1, TemplateID: "orderStatus", TraceParent: parent})
	s.Send(t.Context(), outbox.Claimed{ID: 2, TemplateID: "orderStatus"})
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := console.String(); strings.Count(got, "\n") != 2 || strings.Count(got, traceID) != 2 {
		t.Errorf("%s", got)
	}
}
