package e2e

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/metrics"
	"github.com/submsg/submsg/outbox"
)

// deployed is a file of deploy/.
func deployed(t *testing.T, name string) string {
	t.Helper()
	return repoFile(t, "internal/serve/deploy/"+name)
}

// accepting is a Sender that takes everything.
type accepting struct{}

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []outbox.Account{{Name: "default", OnePersonAtATime: true}}

func (accepting) Accounts() []outbox.Account { return anyAccount }

func (accepting) Ready(context.Context, string) outbox.Verdict { return outbox.Verdict{} }
func (accepting) Send(context.Context, outbox.Claimed) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted}
}

// scraped is everything that a serve can show.
func scraped(t *testing.T) string {
	t.Helper()
	pool := pgtest.Pool(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'stopped', now())`); err != nil {
		t.Fatal(err)
	}
	m := metrics.New("v1", func(id string) string { t, _ := fields.Shipped().Find(id); return t.Name })
	m.WatchDatabase(pool)
	m.WatchAccounts(func() map[string]string { return map[string]string{"default": ""} })
	m.WatchListener(func() bool { return true })
	m.Wrap(accepting{}).Send(t.Context(), outbox.Claimed{TemplateID: orderStatusID})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

var (
	metricName = regexp.MustCompile(`\bsubmsg_\w+`)
	matcher    = regexp.MustCompile(`(\w+)\s*!?=~?\s*"`)
	grouping   = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// unknown is what an expression names and a scrape hasn't got; job and instance are Prometheus' own.
func unknown(expr, scraped string) (missing []string) {
	names := metricName.FindAllString(expr, -1)
	if len(names) == 0 && !strings.Contains(expr, "up{") {
		missing = append(missing, "a metric of submsg")
	}
	var labels []string
	for _, m := range matcher.FindAllStringSubmatch(expr, -1) {
		labels = append(labels, m[1])
	}
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		labels = append(labels, strings.Split(m[1], ", ")...)
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^` + name + `[ {]`).MatchString(scraped) {
			missing = append(missing, name)
		}
	}
	for _, label := range labels {
		has := func(name string) bool {
			return regexp.MustCompile(`(?m)^` + name + `\{[^}]*\b` + label + `="`).MatchString(scraped)
		}
		if label != "job" && label != "instance" && !slices.ContainsFunc(names, has) {
			missing = append(missing, label)
		}
	}
	return missing
}

func TestAlerts(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "alerts.yml")), &file); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	shown := scraped(t)
	n := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			if missing := unknown(r.Expr, shown); missing != nil {
				t.Errorf("%s: there is no %q", r.Alert, missing)
			}
			if !strings.HasPrefix(r.Alert, "Submsg") || r.Labels["severity"] == "" || r.Annotations["summary"] == "" ||
				r.Annotations["description"] == "" {
				t.Errorf("%+v lacks a severity, a summary or what to do", r)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d alerts found", n)
	}
}

func TestDashboard(t *testing.T) {
	type position struct{ X, Y, W, H int }
	var board struct {
		UID, Title string
		Panels     []struct {
			ID      int
			Title   string
			GridPos position
			Targets []struct{ RefID, Expr string }
		}
		Templating struct{ List []struct{ Name string } }
	}
	text := deployed(t, "dashboard.json")
	if err := json.Unmarshal([]byte(text), &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.Title == "" || len(board.Panels) < 10 {
		t.Errorf("%q with %d panels", board.Title, len(board.Panels))
	}
	known := map[string]bool{"__rate_interval": true}
	for _, v := range board.Templating.List {
		known[v.Name] = true
	}
	for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(text, -1) {
		if !known[m[1]] {
			t.Errorf("there is no variable %s", m[1])
		}
	}
	shown := scraped(t)
	ids, taken := map[int]bool{}, map[position]string{}
	for _, p := range board.Panels {
		if p.Title == "" || ids[p.ID] || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: no title, no query, an id used twice, or too far to the right", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := position{X: p.GridPos.X + x, Y: p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%q lies on %q", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		for _, target := range p.Targets {
			if missing := unknown(target.Expr, shown); missing != nil {
				t.Errorf("%s: there is no %q", p.Title, missing)
			}
		}
	}
}

// Names that nobody has are seen, so that the two tests above can fail.
func TestUnknown(t *testing.T) {
	const shown = "submsg_a_total{outcome=\"x\"} 1\n"
	for expr, want := range map[string][]string{
		`sum by (outcome) (submsg_a_total{job="j"})`: nil,
		`submsg_a`:                           {"submsg_a"},
		`submsg_a_total{result="x"}`:         {"result"},
		`sum by (template) (submsg_a_total)`: {"template"},
		`go_goroutines`:                      {"a metric of submsg"},
	} {
		if got := unknown(expr, shown); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// unit is a systemd unit's settings, each with its values in order.
func unit(t *testing.T) map[string][]string {
	t.Helper()
	settings := map[string][]string{}
	for line := range strings.Lines(deployed(t, "submsg.service")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			settings[name] = append(settings[name], value)
		}
	}
	return settings
}

func TestUnit(t *testing.T) {
	u := unit(t)
	for name, want := range map[string]string{
		"Type": "notify", "KillSignal": "SIGTERM", "Restart": "always", "TimeoutStartSec": "infinity", "NoNewPrivileges": "yes",
	} {
		if !slices.Equal(u[name], []string{want}) {
			t.Errorf("%s=%q, want %s", name, u[name], want)
		}
	}
	if codes := u["RestartPreventExitStatus"]; codes != nil {
		t.Errorf("exit code %q is not always for good: Go crashes, and the watchdog's SIGABRT ends, with 2", codes)
	}
	if core := strings.Join(u["LimitCORE"], ", "); core != "0" {
		t.Errorf("LimitCORE=%q: a core dump would hold the secrets", core)
	}
	command := strings.Fields(u["ExecStart"][0])
	if _, node := mustParse(t, command[1:]...); node.Name != "serve" {
		t.Errorf("it runs submsg %s", node.Name)
	}
	credential, _, _ := strings.Cut(u["LoadCredential"][0], ":")
	if !strings.HasSuffix(u["ExecStart"][0], "=${CREDENTIALS_DIRECTORY}/"+credential) {
		t.Errorf("the credential %s is not what %s reads", credential, u["ExecStart"][0])
	}
	guide := repoFile(t, "internal/serve/README.md")
	if stop := "give it " + strings.Join(u["TimeoutStopSec"], ", ") + " seconds"; !strings.Contains(guide, stop) {
		t.Errorf("TimeoutStopSec=%q, but internal/serve/README.md doesn't say %q", u["TimeoutStopSec"], stop)
	}
	if watchdog, err := strconv.Atoi(u["WatchdogSec"][0]); err != nil || watchdog < 10 {
		t.Errorf("WatchdogSec=%q", u["WatchdogSec"])
	}
	known := false
	_, serve := mustParse(t, "serve")
	for _, m := range regexp.MustCompile(`\b(SUBMSG_\w+|DATABASE_URL)=`).FindAllStringSubmatch(deployed(t, "submsg.service"), -1) {
		known = true
		if variables(serve)[m[1]] == nil {
			t.Errorf("submsg serve doesn't read %s", m[1])
		}
	}
	if !known {
		t.Error("it says nothing about settings")
	}
}
