// Package metrics counts what one submsg does, and shows it to Prometheus.
//
// Names begin with submsg_ and follow Prometheus' conventions, which a test checks. Labels are bounded: a template is
// one of the catalogue's names or "other". Nothing about a person is in a label. It knows no channel: it wraps any
// outbox.Sender, and reads the queue itself, at most once in five seconds.
//
// Begin reading at New for what is counted, at Wrap (sender.go) for where, at database.go for what only the database
// knows.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/submsg/submsg/outbox"
)

// other stands for every template that isn't in the catalogue.
const other = "other"

// Metrics is what one process counts. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	template func(idOrName string) string

	sends     *prometheus.CounterVec
	inFlight  prometheus.Gauge
	took      prometheus.Histogram
	late      prometheus.Histogram
	woken     prometheus.Histogram
	refreshes *prometheus.CounterVec
}

// New makes the metrics of a version of submsg. The function template returns the name of a template by its id or name,
// and "" for a template that isn't known.
func New(version string, template func(idOrName string) string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		template: template,
		sends: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "submsg_sends_total",
			Help: "Sends by template and by WeChat's verdict: accepted, refused, later, halt or unknown. " +
				"A message that is tried again counts again."},
			[]string{"template", "outcome"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "submsg_sends_in_flight",
			Help: "Sends under way in this process."}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "submsg_send_duration_seconds",
			Help:    "How long sends took, without those that were refused before anything went out.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}}),
		late: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "submsg_due_to_send_seconds",
			Help: "From when a message could have been sent to when its send began, " +
				"by the clocks of the database and of this machine.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 300, 1800, 3600, 21600, 86400}}),
		woken: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "submsg_wake_to_send_seconds",
			Help:    "From when a wake was heard to when a send that it led to began.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "submsg_token_refreshes_total",
			Help: "Answers of WeChat's access_token endpoint: ok, or failed."}, []string{"result"}),
	}
	for _, result := range []string{"ok", "failed"} {
		m.refreshes.WithLabelValues(result) // so that both series are there from the start: the first failure is a rise
	}
	m.registry.MustRegister(m.sends, m.inFlight, m.took, m.late, m.woken, m.refreshes,
		gauge("submsg_build_info", "Which submsg this is.", prometheus.Labels{"version": version},
			func() float64 { return 1 }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 4 * time.Second})
}

// Refreshed counts an answer of the token endpoint.
func (m *Metrics) Refreshed(ok bool) {
	result := "failed"
	if ok {
		result = "ok"
	}
	m.refreshes.WithLabelValues(result).Inc()
}

// WatchListener shows whether wakes arrive. A process that only polls has no listener, and doesn't call it.
func (m *Metrics) WatchListener(listening func() bool) {
	const help = "1 while wakes are proved to arrive; 0: messages are found by polling."
	m.registry.MustRegister(gauge("submsg_listener_up", help, nil, func() float64 {
		if listening() {
			return 1
		}
		return 0
	}))
}

// WatchAccounts shows which accounts can send. unready tells of each by name why it can't; "" if it can.
func (m *Metrics) WatchAccounts(unready func() map[string]string) {
	m.registry.MustRegister(accounts{unready})
}

// accounts are a gauge for each account that there is at the time of a scrape.
type accounts struct{ unready func() map[string]string }

var accountDesc = prometheus.NewDesc("submsg_account_ready", "1 if the account can send.", []string{"account"}, nil)

func (a accounts) Describe(descs chan<- *prometheus.Desc) { descs <- accountDesc }

func (a accounts) Collect(values chan<- prometheus.Metric) {
	for name, why := range a.unready() {
		ready := 1.
		if why != "" {
			ready = 0
		}
		values <- prometheus.MustNewConstMetric(accountDesc, prometheus.GaugeValue, ready, name)
	}
}

// WatchLoad shows how many messages this process holds.
func (m *Metrics) WatchLoad(load func() outbox.Load) {
	m.registry.MustRegister(
		gauge("submsg_claimed_messages",
			"Messages that this process has claimed and not settled yet: so many are in doubt if it dies.", nil,
			func() float64 { return float64(load().InHand) }),
		gauge("submsg_claimed_ahead_messages", "Of these, messages that no sender has yet.", nil,
			func() float64 { return float64(load().Ahead) }),
		gauge("submsg_claimed_messages_limit", "The most messages that this process ever claims.", nil,
			func() float64 { return float64(load().Most) }))
}

// name is a template's label.
func (m *Metrics) name(idOrName string) string {
	if name := m.template(idOrName); name != "" {
		return name
	}
	return other
}

func gauge(name, help string, labels prometheus.Labels, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value)
}

func counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}
