package tracing

import (
	stdcmp "cmp"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/submsg/submsg/outbox"
)

const (
	parent   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
)

// spansOf sends messages, and returns the spans that were exported.
func spansOf(
	t *testing.T, send func(context.Context, outbox.Claimed) outbox.Verdict, messages ...outbox.Claimed,
) tracetest.SpanStubs {
	t.Helper()
	kept := tracetest.NewInMemoryExporter()
	tracing := start(unforgetting{kept}, Config{Version: "v1", Template: named})
	s := tracing.Wrap(script(send))
	for _, m := range messages {
		s.Send(t.Context(), m)
	}
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return kept.GetSpans()
}

// unforgetting is an exporter that keeps its spans after Shutdown.
type unforgetting struct{ *tracetest.InMemoryExporter }

func (unforgetting) Shutdown(context.Context) error { return nil }

func attributes(s tracetest.SpanStub) map[string]any {
	all := make(map[string]any)
	for _, a := range s.Attributes {
		all[string(a.Key)] = a.Value.AsInterface()
	}
	return all
}

func TestSpan(t *testing.T) {
	code := func(c int32) *int32 { return &c }
	for _, tt := range []struct {
		name     string
		template string
		verdict  outbox.Verdict
		want     map[string]any // beside what every span has
		status   sdk.Status
	}{
		{"accepted", "orderStatus",
			outbox.Verdict{Outcome: outbox.Accepted, Code: code(0), MsgID: 1<<62 - 1, Text: "ok"},
			map[string]any{"submsg.outcome": "accepted", "submsg.errcode": int64(0), "messaging.message.id": "4611686018427387903"}, sdk.Status{}},
		{"by id", "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc", outbox.Verdict{Outcome: outbox.Accepted}, map[string]any{"submsg.outcome": "accepted"}, sdk.Status{}},
		{"refused", "orderStatus", outbox.Verdict{Outcome: outbox.Refused, Code: code(43101), Text: "secret"},
			map[string]any{"submsg.outcome": "refused", "submsg.errcode": int64(43101), "error.type": "43101"}, sdk.Status{Code: codes.Error, Description: "refused"}},
		{"refused before it went out", "orderStatus", outbox.Verdict{Outcome: outbox.Refused, Text: "secret"},
			map[string]any{"submsg.outcome": "refused", "error.type": "refused"}, sdk.Status{Code: codes.Error, Description: "refused"}},
		{"unknown", "orderStatus", outbox.Verdict{Text: "secret"},
			map[string]any{"submsg.outcome": "unknown", "error.type": "unknown"}, sdk.Status{Code: codes.Error, Description: "unknown"}},
		{"later", "orderStatus", outbox.Verdict{Outcome: outbox.Later, Code: code(-1), Text: "secret"},
			map[string]any{"submsg.outcome": "later", "submsg.errcode": int64(-1)}, sdk.Status{}},
		{"halt", "orderStatus", outbox.Verdict{Outcome: outbox.Halt, Code: code(45009), Text: "secret"},
			map[string]any{"submsg.outcome": "halt", "submsg.errcode": int64(45009)}, sdk.Status{}},
		{"a template that isn't known", "secret", outbox.Verdict{Outcome: outbox.Accepted}, map[string]any{"submsg.outcome": "accepted"}, sdk.Status{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spans := spansOf(t, func(context.Context, outbox.Claimed) outbox.Verdict { return tt.verdict },
				outbox.Claimed{ID: 7, Attempt: 2, OpenID: "secret", TemplateID: tt.template,
					Params: []string{"secret"}, Page: "secret", TraceParent: parent})
			if len(spans) != 1 {
				t.Fatalf("%d spans", len(spans))
			}
			s, name := spans[0], stdcmp.Or(named(tt.template), "other")
			for key, value := range map[string]any{
				"messaging.system": "wechat", "messaging.operation.name": "send", "messaging.operation.type": "send",
				"messaging.destination.name": name, "submsg.message.id": int64(7), "submsg.message.attempt": int64(2)} {
				tt.want[key] = value
			}
			if diff := cmp.Diff(tt.want, attributes(s)); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if s.Name != "send "+name || s.SpanKind != trace.SpanKindClient || s.Status != tt.status {
				t.Errorf("%q, kind %s, status %v", s.Name, s.SpanKind, s.Status)
			}
			whole, err := json.Marshal(s)
			if err != nil || strings.Contains(string(whole), "secret") {
				t.Errorf("%v, or a secret is in %s", err, whole)
			}
		})
	}
}

func TestParent(t *testing.T) {
	for name, tt := range map[string]struct {
		traceparent string
		trace       string // "" for a new one
		spans       int
	}{
		"sampled":                {parent, traceID, 1},
		"not sampled":            {strings.TrimSuffix(parent, "1") + "0", traceID, 0},
		"none":                   {"", "", 1},
		"a later version":        {"cc" + parent[2:], traceID, 1},
		"a later version, cut":   {("cc" + parent[2:] + "-what")[:55], traceID, 1},
		"capitals":               {strings.ToUpper(parent), "", 1},
		"trace of zeros":         {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "", 1},
		"span of zeros":          {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "", 1},
		"version that can't be":  {"ff" + parent[2:], "", 1},
		"too long for version 0": {parent + "-01", "", 1},
		"nonsense":               {"trace\x00\xff中", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var inside trace.SpanContext
			spans := spansOf(t, func(ctx context.Context, c outbox.Claimed) outbox.Verdict {
				inside = trace.SpanContextFromContext(ctx)
				return accepts(ctx, c)
			}, outbox.Claimed{TemplateID: "orderStatus", TraceParent: tt.traceparent})
			if len(spans) != tt.spans {
				t.Fatalf("%d spans, want %d", len(spans), tt.spans)
			}
			if got := TraceID(tt.traceparent); got != tt.trace {
				t.Errorf("trace id %q, want %q", got, tt.trace)
			}
			if tt.trace != "" && inside.TraceID().String() != tt.trace {
				t.Errorf("the send runs in trace %s", inside.TraceID())
			}
			for _, s := range spans {
				child := s.Parent.SpanID().String() == parentID && s.SpanContext.TraceID().String() == tt.trace &&
					s.Parent.IsRemote()
				if tt.trace == "" && s.Parent.IsValid() || tt.trace != "" && !child {
					t.Errorf("parent %+v", s.Parent)
				}
			}
		})
	}
}

func TestDueToSend(t *testing.T) {
	for name, tt := range map[string]struct {
		due    time.Time
		atMost float64 // seconds; -1: nothing is said
	}{
		"late":               {time.Now().Add(-time.Hour), 3600 + 60},
		"a clock that lags":  {time.Now().Add(time.Hour), 0},
		"since nobody knows": {time.Time{}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			spans := spansOf(t, accepts, outbox.Claimed{Due: tt.due})
			late, said := attributes(spans[0])["submsg.due_to_send"].(float64)
			if said != (tt.atMost >= 0) || late > max(tt.atMost, 0) || late < max(tt.atMost, 0)-60 {
				t.Errorf("%v, said %t", late, said)
			}
		})
	}
}

// A send that panics ends its span, which doesn't hold the panic's text, and the panic goes on.
func TestPanic(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	tracing := start(unforgetting{kept}, Config{Template: named})
	s := tracing.Wrap(script(func(context.Context, outbox.Claimed) outbox.Verdict { panic("secret") }))
	func() {
		defer func() {
			if recover() != "secret" {
				t.Error("the panic was swallowed")
			}
		}()
		s.Send(t.Context(), outbox.Claimed{TemplateID: "orderStatus"})
	}()
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := kept.GetSpans()
	if len(spans) != 1 || len(spans[0].Events) != 0 || attributes(spans[0])["submsg.outcome"] != "unknown" ||
		spans[0].Status.Code != codes.Error {
		t.Errorf("%+v", spans)
	}
}

func TestReadyIsTheSenders(t *testing.T) {
	tracing := start(tracetest.NewNoopExporter(), Config{Template: named})
	if v := tracing.Wrap(script(nil)).Ready(t.Context(), "default"); v.Outcome != outbox.Later {
		t.Errorf("%+v", v)
	}
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Anybody may have written the value in the row: whatever it is, TraceID returns a trace id or nothing.
func FuzzTraceID(f *testing.F) {
	for _, seed := range []string{parent, "", "00-", strings.ToUpper(parent), "\xff", parent + "-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, traceparent string) {
		id := TraceID(traceparent)
		if id != "" && (len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" ||
			!strings.Contains(traceparent, id)) {
			t.Errorf("%q of %q", id, traceparent)
		}
	})
}
