package metrics

import (
	"context"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/submsg/submsg/outbox"
)

// script is a Sender whose verdicts are those of a function.
type script func(outbox.Claimed) outbox.Verdict

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []outbox.Account{{Name: "default", OnePersonAtATime: true}}

func (script) Accounts() []outbox.Account { return anyAccount }

func (script) Ready(context.Context, string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Later}
}

func (s script) Send(_ context.Context, c outbox.Claimed) outbox.Verdict { return s(c) }

// scrape returns what Prometheus gets.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// ours returns the lines of a scrape that begin with a prefix.
func ours(scraped, prefix string) (lines []string) {
	for line := range strings.Lines(scraped) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

const openid = "oABCD5EFgh1JKlmnOPqrStuVwxYz"

// Whatever a row holds, the labels are of a bounded set, and nothing about a person is in them.
func TestSends(t *testing.T) {
	m := New("v1", named)
	code := int32(43101)
	verdicts := map[int64]outbox.Verdict{
		1: {Outcome: outbox.Accepted, Text: openid},
		2: {Outcome: outbox.Refused, Code: &code},
		3: {Outcome: outbox.Refused}, // before anything went out
		4: {Outcome: outbox.Later},
		5: {Outcome: outbox.Halt},
		6: {Outcome: outbox.Unknown},
	}
	s := m.Wrap(script(func(c outbox.Claimed) outbox.Verdict {
		if got := testutil.ToFloat64(m.inFlight); got != 1 {
			t.Errorf("%v in flight", got)
		}
		return verdicts[c.ID]
	}))
	for id, template := range map[int64]string{
		1: "orderStatus", 2: "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc", 3: openid, 4: "",
		5: "\xff\x00\"}\n{x=\"", 6: strings.Repeat("长", 4000),
	} {
		claimed := outbox.Claimed{ID: id, OpenID: openid, TemplateID: template, Params: []string{openid}}
		if v := s.Send(t.Context(), claimed); !cmp.Equal(v, verdicts[id]) {
			t.Errorf("the verdict %+v was changed to %+v", verdicts[id], v)
		}
	}
	for range 500 {
		template := fmt.Sprint(openid, time.Now().UnixNano())
		s.Send(t.Context(), outbox.Claimed{ID: 3, OpenID: openid, TemplateID: template})
	}
	scraped := scrape(t, m)
	want := []string{
		`submsg_sends_total{outcome="accepted",template="orderStatus"} 1`,
		`submsg_sends_total{outcome="halt",template="other"} 1`,
		`submsg_sends_total{outcome="later",template="other"} 1`,
		`submsg_sends_total{outcome="refused",template="orderStatus"} 1`,
		`submsg_sends_total{outcome="refused",template="other"} 501`,
		`submsg_sends_total{outcome="unknown",template="other"} 1`,
	}
	if diff := cmp.Diff(want, ours(scraped, "submsg_sends_total{")); diff != "" {
		t.Error(diff)
	}
	want = []string{"submsg_send_duration_seconds_count 5"}
	if diff := cmp.Diff(want, ours(scraped, "submsg_send_duration_seconds_count")); diff != "" {
		t.Errorf("sends that went out:\n%s", diff)
	}
	if strings.Contains(scraped, openid[:8]) {
		t.Error("an openid is in a label")
	}
}

func TestDueToSend(t *testing.T) {
	m := New("v1", named)
	s := m.Wrap(script(func(outbox.Claimed) outbox.Verdict { return outbox.Verdict{} }))
	unknown, late, ahead := time.Time{}, time.Now().Add(-time.Hour-time.Minute), time.Now().Add(time.Hour)
	for _, due := range []time.Time{unknown, late, ahead} {
		s.Send(t.Context(), outbox.Claimed{Due: due})
	}
	scraped := scrape(t, m)
	for _, want := range []string{
		`submsg_due_to_send_seconds_bucket{le="0.01"} 1`,
		`submsg_due_to_send_seconds_bucket{le="3600"} 1`,
		`submsg_due_to_send_seconds_bucket{le="21600"} 2`,
		`submsg_due_to_send_seconds_count 2`,
		`submsg_due_to_send_seconds_sum 36\d\d(\.\d+)?`,
	} {
		if !regexp.MustCompile(`(?m)^` + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want) + `$`).MatchString(scraped) {
			t.Errorf("no %s", want)
		}
	}
}

func TestWakeToSend(t *testing.T) {
	m := New("v1", named)
	s := m.Wrap(script(func(outbox.Claimed) outbox.Verdict { return outbox.Verdict{} }))
	for _, woken := range []time.Time{{}, time.Now().Add(-time.Second - 500*time.Millisecond)} { // none, and late
		s.Send(t.Context(), outbox.Claimed{Woken: woken})
	}
	scraped := scrape(t, m)
	for _, want := range []string{`submsg_wake_to_send_seconds_bucket{le="1"} 0`, `submsg_wake_to_send_seconds_count 1`} {
		if !strings.Contains(scraped, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// A send that panics is counted, and is no longer in flight afterwards.
func TestPanicIsUnknown(t *testing.T) {
	m := New("v1", named)
	s := m.Wrap(script(func(outbox.Claimed) outbox.Verdict { panic("no") }))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		s.Send(t.Context(), outbox.Claimed{TemplateID: "orderStatus"})
	}()
	if n := testutil.ToFloat64(m.sends.WithLabelValues("orderStatus", "unknown")); n != 1 {
		t.Errorf("%v unknown", n)
	}
	if n := testutil.ToFloat64(m.inFlight); n != 0 {
		t.Errorf("%v in flight", n)
	}
}

func TestReadyIsTheSenders(t *testing.T) {
	if v := New("v1", named).Wrap(script(nil)).Ready(t.Context(), "default"); v.Outcome != outbox.Later {
		t.Errorf("%+v", v)
	}
}

func TestRefreshed(t *testing.T) {
	m := New("v1", named)
	m.Refreshed(false)
	m.Refreshed(true)
	m.Refreshed(false)
	want := []string{`submsg_token_refreshes_total{result="failed"} 2`, `submsg_token_refreshes_total{result="ok"} 1`}
	if diff := cmp.Diff(want, ours(scrape(t, m), "submsg_token_refreshes_total")); diff != "" {
		t.Error(diff)
	}
}

// What a process holds is told as it is.
func TestLoad(t *testing.T) {
	m := New("v1", named)
	m.WatchLoad(func() outbox.Load { return outbox.Load{InHand: 70, Ahead: 6, Most: 576} })
	want := []string{"submsg_claimed_ahead_messages 6", "submsg_claimed_messages 70",
		"submsg_claimed_messages_limit 576"}
	if diff := cmp.Diff(want, ours(scrape(t, m), "submsg_claimed")); diff != "" {
		t.Error(diff)
	}
}

// Each account that there is says whether it can send.
func TestAccounts(t *testing.T) {
	m := New("v1", named)
	m.WatchAccounts(func() map[string]string { return map[string]string{"shopA": "", "shopB": "a wrong secret"} })
	want := []string{`submsg_account_ready{account="shopA"} 1`, `submsg_account_ready{account="shopB"} 0`}
	if diff := cmp.Diff(want, ours(scrape(t, m), "submsg_account")); diff != "" {
		t.Error(diff)
	}
}
