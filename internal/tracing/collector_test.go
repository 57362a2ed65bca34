package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/submsg/submsg/outbox"
)

// troubles are the errors that OpenTelemetry reported, in their order.
type troubles struct {
	mu  sync.Mutex
	all []error
}

func (t *troubles) Handle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, err)
}

func (t *troubles) texts() (texts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, err := range t.all {
		texts = append(texts, Trouble(err))
	}
	return texts
}

// listen takes the errors that OpenTelemetry reports, for the time of a test: its error handler is global.
func listen(t *testing.T) *troubles {
	t.Helper()
	before, heard := otel.GetErrorHandler(), &troubles{}
	otel.SetErrorHandler(heard)
	t.Cleanup(func() { otel.SetErrorHandler(before) })
	return heard
}

// A collector that doesn't answer delays no send, though there is room for one span only, and it doesn't delay Shutdown
// for long.
func TestHangingCollector(t *testing.T) {
	others := goleak.IgnoreCurrent()
	listen(t)
	asked, hang := make(chan struct{}, 100), make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	setEnv(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL,
		"OTEL_BSP_MAX_QUEUE_SIZE=1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1")
	tracing, err := New(t.Context(), Config{Template: named})
	if err != nil {
		t.Fatal(err)
	}
	s := tracing.Wrap(script(accepts))
	s.Send(t.Context(), outbox.Claimed{ID: 1})
	<-asked // from here on the exporter is busy for good
	for range 1000 {
		if v := s.Send(t.Context(), outbox.Claimed{ID: 1}); v.Outcome != outbox.Accepted {
			t.Fatalf("%+v", v)
		}
	}
	if err := tracing.Shutdown(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	close(hang)
	collector.Close()
	goleak.VerifyNone(t, others) // it is over when the collector answers at last
}

// The log of trouble with a collector shows no value of a header, and no credential in the collector's URL.
func TestTroubleIsHarmless(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=header-secret, authorization=Bearer%20token-secret%3D%3D,short=1")
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("api-key") != "header-secret" || r.Header.Get("authorization") != "Bearer token-secret==" {
			t.Errorf("headers %v", r.Header)
		}
		w.WriteHeader(http.StatusUnauthorized)
		bearer := strings.TrimPrefix(r.Header.Get("authorization"), "Bearer ")
		fmt.Fprintf(w, "who is\n%s with %s at %s?", r.Header.Get("api-key"), bearer, r.URL.Path)
	}))
	defer collector.Close()
	away := httptest.NewServer(nil)
	away.Close()
	for name, tt := range map[string]struct {
		endpoint string
		says     string
	}{
		"refuses":     {collector.URL, "401 Unauthorized (body: who is *** with *** at /***/v1/traces?)"},
		"isn't there": {away.URL, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			heard := listen(t)
			endpoint := strings.Replace(tt.endpoint, "//", "//user:pass-secret@", 1)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint+"/path-secret?query-secret")
			tracing, err := New(t.Context(), Config{Template: named})
			if err != nil {
				t.Fatal(err)
			}
			tracing.Wrap(script(accepts)).Send(t.Context(), outbox.Claimed{ID: 1})
			if err := tracing.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			said := strings.Join(heard.texts(), "\n")
			if !strings.Contains(said, tt.says) || strings.Contains(said, "secret") || strings.Contains(said, "\n") {
				t.Errorf("%q, want %q", said, tt.says)
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	setEnv(t, "OTEL_EXPORTER_OTLP_HEADERS=a=1,b=%zz-secret,c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=://no-secret")
	for given, want := range map[string]string{
		"":                             "",
		"1 of 10\n spans":              "1 of 10 spans",
		"%zz-secret, ://no-secret":     "***, ***",
		`Post "https://h/p?k": EOF`:    `Post "the endpoint": EOF`,
		strings.Repeat("中", 200):       strings.Repeat("中", 100) + "…",
		"a" + strings.Repeat("中", 200): "a" + strings.Repeat("中", 99) + "…",
	} {
		if got := Trouble(errors.New(given)); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}

// A secret that begins with another one is hidden as a whole, and so is a secret in a part of the URL.
func TestTroubleInParts(t *testing.T) {
	setEnv(t, "OTEL_EXPORTER_OTLP_HEADERS=x-scope=prod,authorization=prod-4711-secret",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://h/api/v2/path%2Fsecret/ingest?token=query-secret&b=c")
	for given, want := range map[string]string{
		"bad key prod-4711-secret of prod": "bad key *** of ***",
		"no tenant path/secret here":       "no tenant *** here",
		"token query-secret is over":       "token *** is over",
		"api v2 ingest":                    "api v2 ingest",
	} {
		if got := Trouble(errors.New(given)); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}

// BenchmarkSend measures what tracing costs a send: when it is off, when the sampler drops the span, when it is on.
func BenchmarkSend(b *testing.B) {
	for _, mode := range []struct{ name, sampler, traceparent string }{
		{"off", "", ""}, {"not sampled", "always_off", parent}, {"root", "", ""}, {"child", "", parent},
	} {
		b.Run(mode.name, func(b *testing.B) {
			b.Setenv("OTEL_TRACES_SAMPLER", mode.sampler)
			var tracing *Tracing
			if mode.name != "off" {
				tracing = start(tracetest.NewNoopExporter(), Config{Template: named})
			}
			s := tracing.Wrap(script(accepts))
			m := outbox.Claimed{ID: 7, Attempt: 1, TemplateID: "orderStatus", TraceParent: mode.traceparent}
			b.ReportAllocs()
			for b.Loop() {
				s.Send(b.Context(), m)
			}
			if err := tracing.Shutdown(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
