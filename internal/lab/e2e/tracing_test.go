package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/cli/version"
)

const collectorKey = secretMark + "OfTheCollector"

// otlp is a collector that keeps what it gets.
type otlp struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	raw      string   // all that came
	spans    []string // one line a span
	about    map[string]string
}

func newOTLP(t *testing.T) *otlp {
	t.Helper()
	c := new(otlp)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := new(collector.ExportTraceServiceRequest)
		if err == nil {
			err = proto.Unmarshal(body, request)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" ||
			r.Header.Get("api-key") != collectorKey {
			t.Errorf("%s %v: %v", r.URL, r.Header, err)
		}
		c.keep(string(body), request)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *otlp) keep(body string, request *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.raw += body
	for _, of := range request.ResourceSpans {
		c.about = attributesOf(of.Resource.Attributes)
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				a := attributesOf(span.Attributes)
				line := fmt.Sprintf("%s: %s, message %s, attempt %s, errcode %s, %s, msgid %t, %s", span.Name,
					a["submsg.outcome"], a["submsg.message.id"],
					a["submsg.message.attempt"], a["submsg.errcode"], span.Status.GetCode(),
					a["messaging.message.id"] != "", span.Kind)
				if span.ParentSpanId != nil {
					line += fmt.Sprintf(", below %x-%x", span.TraceId, span.ParentSpanId)
				}
				c.spans = append(c.spans, line)
			}
		}
	}
}

// attributesOf is attributes as text.
func attributesOf(attributes []*common.KeyValue) map[string]string {
	all := make(map[string]string)
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = fmt.Sprint(v.IntValue)
		default:
			all[a.Key] = a.Value.String()
		}
	}
	return all
}

// tracesTo lets serve send its traces to an endpoint, by itself at its end only, and never give up.
func tracesTo(endpoint string) []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "OTEL_EXPORTER_OTLP_HEADERS=api-key=" + collectorKey,
		"OTEL_BSP_SCHEDULE_DELAY=3600000",
		"OTEL_BSP_EXPORT_TIMEOUT=3600000", "OTEL_EXPORTER_OTLP_TIMEOUT=3600000"}
}

// One span a send, below the one that the application's transaction names, and nothing in it of a person or of what was
// said.
func TestTraces(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
	c := newOTLP(t)
	w := newWorldWithOrders(t, "--grant-all")
	p := w.serve(append(tracesTo(c.URL), "OTEL_RESOURCE_ATTRIBUTES=team=shop")...)
	psql(t, w.db, "BEGIN;\nSET LOCAL submsg.traceparent = '00-"+trace+"-01';\n"+insertFor(1)+
		"INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('"+person(2)+
		"', 'NobodysTemplate', '{生椰拿铁,19.9}');\n"+
		"INSERT INTO orders (openid, name, cardNumber, payMoney, balance, remark) VALUES ('"+person(3)+
		"', '张三', 'VIP1', 19.9, 30, '谢谢');\nUPDATE orders SET isSendMsg = true;\nCOMMIT;\n"+
		"SET submsg.traceparent = 'no traceparent';\n"+strings.ReplaceAll(insertFor(4), person(4), "nobody")+
		"SET submsg.traceparent = '00-"+trace+"-00';\n"+insertFor(5))
	eventually(t, "all are done with", func() bool { return w.count("success") == 3 && w.count("fail") == 2 })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != command.ExitOK {
		t.Errorf("exit code %d", code)
	}
	line := func(openid, format string) string { return fmt.Sprintf(format, w.messages(openid)[0].ID) }
	want := []string{
		line(person(1), "send orderStatus: accepted, message %d, attempt 1, errcode 0, STATUS_CODE_UNSET, msgid true, "+
			"SPAN_KIND_CLIENT, below "+trace),
		line(person(2), "send other: refused, message %d, attempt 1, errcode , STATUS_CODE_ERROR, msgid false, "+
			"SPAN_KIND_CLIENT, below "+trace),
		line(person(3), "send vipPaySuccess: accepted, message %d, attempt 1, errcode 0, STATUS_CODE_UNSET, msgid "+
			"true, SPAN_KIND_CLIENT, below "+trace),
		line("nobody", "send orderStatus: refused, message %d, attempt 1, errcode 40003, STATUS_CODE_ERROR, msgid "+
			"false, SPAN_KIND_CLIENT"),
	} // the last one's trace is not sampled
	slices.Sort(want)
	slices.Sort(c.spans)
	if diff := cmp.Diff(want, c.spans); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if c.about["service.name"] != "submsg" || c.about["service.version"] != version.String() ||
		c.about["team"] != "shop" {
		t.Errorf("of %v", c.about)
	}
	for _, secret := range []string{personMark, "nobody", "NobodysTemplate", "生椰拿铁", "19.9", "谢谢", "VIP1", secretMark,
		"openid"} {
		if strings.Contains(c.raw, secret) {
			t.Errorf("%s is in what the collector gets", secret)
		}
	}
	for _, leak := range leaks(c.raw) {
		t.Errorf("the collector gets %s", leak)
	}
}

// Whatever the collector does, messages go out, SIGTERM ends serve, and the log says it in a line and not how one gets
// in.
func TestTracesGetLost(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is seen
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(hang) })
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "bad key "+r.Header.Get("api-key"), http.StatusForbidden)
	}))
	t.Cleanup(refuses.Close)
	away := httptest.NewServer(nil)
	away.Close()
	for name, tt := range map[string]struct{ endpoint, says string }{
		"hangs":       {hangs.URL, "the last traces were not exported: context deadline exceeded"},
		"refuses":     {refuses.URL, `traces: .*403 Forbidden \(body: bad key \*\*\*\)`},
		"isn't there": {strings.Replace(away.URL, "//", "//user:"+secretMark+"@", 1), "traces: .*connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--grant-all")
			p := w.serve(append(tracesTo(tt.endpoint), "OTEL_BSP_MAX_QUEUE_SIZE=10",
				"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1")...)
			w.insertPeople(100)
			eventually(t, "all are sent", func() bool { return w.count("success") == 100 })
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != command.ExitOK {
				t.Errorf("exit code %d", code)
			}
			p.says(tt.says)
			if n := p.count("level=warning"); n != 1 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}

// What is switched off asks nobody.
func TestNoTraces(t *testing.T) {
	t.Parallel()
	for _, off := range []string{"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none",
		"OTEL_EXPORTER_OTLP_ENDPOINT="} {
		t.Run(off, func(t *testing.T) {
			t.Parallel()
			c := newOTLP(t)
			w := newWorld(t, "--grant-all")
			p := w.serve(append(tracesTo(c.URL), "OTEL_BSP_SCHEDULE_DELAY=1", off)...)
			psql(t, w.db, insertFor(1))
			w.await(person(1), "success")
			p.finish()
			if c.requests != 0 {
				t.Errorf("%d requests", c.requests)
			}
		})
	}
}
