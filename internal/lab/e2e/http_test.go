package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// readyAnswer is what /readyz says.
type readyAnswer struct {
	Ready  bool
	Checks []readyCheck
}

type readyCheck struct {
	Check string
	OK    bool
	Says  string
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, pgtest.DB(t))
	p := w.serve("SUBMSG_HTTP_ADDR=127.0.0.1:0")
	addr := p.says(`http://(\S+)/healthz answers`)[1]
	ask := start(t, []string{"SUBMSG_HTTP_ADDR=" + addr}, "healthcheck")
	if code := ask.exit(); code != 0 {
		t.Errorf("healthcheck of a running serve: exit code %d", code)
	}
	p.finish()
	ask = start(t, []string{"SUBMSG_HTTP_ADDR=" + addr}, "healthcheck")
	if code := ask.exit(); code != 1 {
		t.Errorf("healthcheck of a stopped serve: exit code %d", code)
	}
}

// page asks a serve for a page.
func (p *process) page(path string) (status int, body string) {
	p.t.Helper()
	answer, err := http.Get("http://" + p.says(`http://(\S+)/healthz answers`)[1] + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, leak := range leaks(string(text)) {
		p.t.Errorf("%s shows %s", path, leak)
	}
	return answer.StatusCode, string(text)
}

// ready asks for /readyz.
func (p *process) ready() (status int, answer readyAnswer) {
	p.t.Helper()
	status, body := p.page("/readyz")
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		p.t.Fatalf("%v: %s", err, body)
	}
	if answer.Ready != (status == http.StatusOK) {
		p.t.Errorf("status %d of %s", status, body)
	}
	return status, answer
}

// unready waits until exactly one check fails, and returns it.
func (p *process) unready(check string) readyCheck {
	p.t.Helper()
	var failed []readyCheck
	eventually(p.t, check+" alone isn't ready", func() bool {
		status, answer := p.ready()
		failed = nil
		for _, c := range answer.Checks {
			if !c.OK {
				failed = append(failed, c)
			}
		}
		return status == http.StatusServiceUnavailable && len(failed) == 1 && failed[0].Check == check
	})
	return failed[0]
}

// setSchema makes the schema seem to be of another version.
func setSchema(t *testing.T, db string, version, oldest int) {
	t.Helper()
	psql(t, db, fmt.Sprintf("COMMENT ON TABLE %s IS 'schema version %d, oldest submsg %d'", migrations.VersionTable,
		version, oldest))
}

func TestReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve("SUBMSG_HTTP_ADDR=127.0.0.1:0")
	eventually(t, "wakes arrive", func() bool {
		_, answer := p.ready()
		want := readyAnswer{true, []readyCheck{{"database", true, "reachable"},
			{"schema", true, fmt.Sprint("version ", migrations.Latest())},
			{"claims", true, "working"}, {"pause", true, "none for a person to lift"}, {"token", true, "at hand"}, {"templates", true, "2 loaded"}, {"wakes", true, "arriving"}}}
		return cmp.Equal(want, answer)
	})
	setSchema(t, w.db, migrations.Latest()+1, migrations.Latest()+1)
	if c := p.unready("schema"); !strings.Contains(c.Says, "newer than this submsg") {
		t.Errorf("%+v", c)
	}
	setSchema(t, w.db, migrations.Latest()+1, migrations.Latest())
	eventually(t, "a newer schema that is compatible is well", func() bool {
		_, answer := p.ready()
		return answer.Ready && strings.HasSuffix(answer.Checks[1].Says, "and compatible")
	})
	w.post("/_fake/faults", `{"kind":"errcode","errcode":40164,"path":"`+fakewechat.StableTokenPath+`","count":-1}`, nil)
	w.post("/_fake/tokens", `{"revoke":true}`, nil)
	psql(t, w.db, insertFor(1)) // whose token is refused, so that another one is asked for
	if c := p.unready("token"); !strings.Contains(c.Says, "白名单") {
		t.Errorf("%+v", c)
	}
	w.clearFaults()
	eventually(t, "it is ready again", func() bool { status, _ := p.ready(); return status == http.StatusOK })
}

func TestReadyPollsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve("SUBMSG_HTTP_ADDR=127.0.0.1:0", "SUBMSG_LISTEN_URL=off")
	status, answer := p.ready()
	if got := answer.Checks[len(answer.Checks)-1]; status != http.StatusOK ||
		got != (readyCheck{"wakes", true, "not asked for, messages are found by polling"}) {
		t.Errorf("%d %+v", status, got)
	}
	if _, body := p.page("/metrics"); strings.Contains(body, "submsg_listener_up") {
		t.Error("a listener is shown where there is none")
	}
}

// What the messages sent have left in the metrics, whatever was in their rows.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_fake/grants", `{"openid":"`+person(1)+`","templateId":"*","count":-1}`, nil)
	p := w.serve("SUBMSG_HTTP_ADDR=127.0.0.1:0")
	psql(t, w.db, insertFor(1)+insertFor(2)+`INSERT INTO subMsgList (openid, templateId) VALUES ('`+person(3)+`', '`+person(3)+`');`+
		`INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('`+person(3)+`', 'orderStatus', now() + interval '1 day');`)
	w.await(person(1), "success")
	w.await(person(2), "fail")
	eventually(t, "an unknown template fails", func() bool { return w.count("fail") == 2 })
	_, body := p.page("/metrics")
	for _, want := range []string{
		`submsg_sends_total\{outcome="accepted",template="orderStatus"\} 1`,
		`submsg_sends_total\{outcome="refused",template="orderStatus"\} 1`,
		`submsg_sends_total\{outcome="refused",template="other"\} 1`,
		`submsg_send_duration_seconds_count 2`,
		`submsg_due_to_send_seconds_count 3`,
		`submsg_sends_in_flight 0`,
		`submsg_token_refreshes_total\{result="ok"\} 1`,
		`submsg_database_up 1`,
		`submsg_due_messages 0`,
		`submsg_scheduled_messages 1`,
		`submsg_listener_up [01]`,
		`submsg_pool_max_connections 8`,
		`submsg_build_info\{version="[^"]+"\} 1`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(body) {
			t.Errorf("no %s", want)
		}
	}
}
