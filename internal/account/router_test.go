package account

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// configurationOf assigns templates, each with the account that it names.
func configurationOf(t *testing.T, list []*Account, templates map[string]string) *Configuration {
	t.Helper()
	c, err := Assign(list, catalogueOf(t, templates))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newRouter(t *testing.T, c *Configuration) *Router {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	r, err := NewRouter(c, Options{Log: logrus.NewEntry(log),
		Templates: func() *templates.Catalogue { return c.Templates }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// A channel that is nothing but a line in the table and what stands in webhook_test.go sends, refuses, halts and
// doubts, beside WeChat's accounts.
func TestAnotherChannel(t *testing.T) {
	t.Parallel()
	var posted sync.Map
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := map[string]int{"/sends": 200, "/refuses": 422, "/halts": 503, "/doubts": 500}[r.URL.Path]
		posted.Store(r.URL.Path, true)
		http.Error(w, fmt.Sprint(status, " said"), status)
	}))
	defer hook.Close()
	fake := fakewechat.New(fakewechat.Options{})
	wechat := httptest.NewServer(fake)
	defer wechat.Close()
	r := newRouter(t, configurationOf(t, []*Account{
		{Name: "hook", Channel: "webhook", URL: hook.URL},
		{Name: "shopA", Channel: WeChat, AppID: fakewechat.DefaultAppID, Secret: fakewechat.DefaultSecret, URL: wechat.URL},
	}, map[string]string{"sends": "hook", "refuses": "hook", "halts": "hook", "doubts": "hook", "x": "shopA"}))
	for _, a := range r.Accounts() {
		if v := r.Ready(t.Context(), a.Name); v.Outcome != outbox.Accepted {
			t.Errorf("%s isn't ready: %s", a.Name, v.Text)
		}
	}
	outcomes := map[string]outbox.Outcome{"sends": outbox.Accepted, "refuses": outbox.Refused, "halts": outbox.Halt,
		"doubts": outbox.Unknown}
	for template, want := range outcomes {
		v := r.Send(t.Context(), message(template, "hook"))
		if _, there := posted.Load("/" + template); v.Outcome != want || !there {
			t.Errorf("%s: %v, posted: %v", template, v.Outcome, there)
		}
		if stops := len(v.Stops) > 0; stops != (want == outbox.Halt) {
			t.Errorf("%s stops %q", template, v.Stops)
		}
	}
	if v := r.Send(t.Context(), message("x", "shopA")); v.Code == nil || fake.Stats().Calls != 1 {
		t.Errorf("WeChat got %d messages: %+v", fake.Stats().Calls, v)
	}
}

func message(template, account string) outbox.Claimed {
	return outbox.Claimed{ID: 1, OpenID: "oABCD5EFgh1JKlmnOPqrStuVwxYz", TemplateID: template, Account: account,
		Params: []string{"a"}}
}

// recorder is a channel whose senders say what they are told.
type recorder struct {
	mu     sync.Mutex
	said   []string
	begins chan string // each send says here that it has begun
	ends   chan bool   // and waits here
}

func (r *recorder) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) open(a channel.Account) (channel.Sender, error) {
	if strings.HasPrefix(a.AppID, "bad") {
		return nil, fmt.Errorf("no such appid")
	}
	r.say("open %s", a.AppID)
	return &recorded{recorder: r, appID: a.AppID}, nil
}

type recorded struct {
	*recorder
	appID   string
	sending atomic.Int32
	closed  atomic.Bool
}

func (r *recorded) Ready(context.Context) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted, Text: r.appID}
}

func (r *recorded) Send(_ context.Context, c outbox.Claimed) outbox.Verdict {
	r.sending.Add(1)
	defer r.sending.Add(-1)
	if r.closed.Load() {
		return outbox.Verdict{Text: r.appID + " is closed"}
	}
	if r.begins != nil {
		r.begins <- c.TemplateID
		<-r.ends
	}
	return outbox.Verdict{Outcome: outbox.Accepted, Text: r.appID}
}

func (r *recorded) Close() {
	r.closed.Store(true)
	r.say("close %s, which sends %d", r.appID, r.sending.Load())
}

// record makes the recorder's channel, under a name of its own.
func record(t *testing.T, r *recorder) (name string) {
	t.Helper()
	name = t.Name()
	recording.Store(name, r)
	t.Cleanup(func() { recording.Delete(name) })
	return name
}

var recording sync.Map // the recorders, by URL

func init() {
	channels["recorder"] = channel.Channel{Open: func(a channel.Account) (channel.Sender, error) {
		r, _ := recording.Load(a.URL)
		return r.(*recorder).open(a)
	}}
}

func recorderOf(name, appID, url string) *Account {
	return &Account{Name: name, Channel: "recorder", AppID: appID, URL: url}
}

// A message goes through the account that it was claimed for. Where that isn't the template's any more it waits.
func TestRoutes(t *testing.T) {
	t.Parallel()
	url := record(t, new(recorder))
	list := []*Account{recorderOf("shopA", "a", url), recorderOf("shopB", "b", url)}
	r := newRouter(t, configurationOf(t, list, map[string]string{"x": "shopA", "y": "shopB"}))
	for _, tt := range []struct {
		name, template, account string
		outcome                 outbox.Outcome
		says                    string
	}{
		{"by account", "x", "shopA", outbox.Accepted, "a"},
		{"by the other", "y-id", "shopB", outbox.Accepted, "b"},
		{"by template", "y", "", outbox.Accepted, "b"},
		{"by its id", "x-id", "", outbox.Accepted, "a"},
		{"the template went elsewhere", "x", "shopB", outbox.Halt, "the template went from account shopB to shopA"},
		{"the account is gone", "z", "shopC", outbox.Halt, "there is no account shopC"},
		{"nobody knows the template", "z", "", outbox.Accepted, "a"}, // the channel says so itself
		{"nobody knows the template of an account", "z", "shopB", outbox.Accepted, "b"},
	} {
		v := r.Send(t.Context(), message(tt.template, tt.account))
		if v.Outcome != tt.outcome || !strings.Contains(v.Text, tt.says) || v.Outcome == outbox.Halt &&
			(v.Kind != string(explain.KindAccountChanged) || v.After <= 0 || v.Stops != nil) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
	if v := r.Ready(t.Context(), "shopB"); v.Outcome != outbox.Accepted || v.Text != "b" {
		t.Errorf("ready: %+v", v)
	}
	if v := r.Ready(t.Context(), "shopC"); v.Outcome != outbox.Halt {
		t.Errorf("an account that isn't there is ready: %+v", v)
	}
}

// An account keeps what it has while others come, go and change; one that goes ends after its last send.
func TestUse(t *testing.T) {
	t.Parallel()
	rec := &recorder{begins: make(chan string), ends: make(chan bool)}
	url := record(t, rec)
	of := func(name, appID string) *Account {
		return &Account{Name: name, Channel: "recorder", AppID: appID, URL: url}
	}
	says := func(what string, want ...string) {
		t.Helper()
		rec.mu.Lock()
		defer rec.mu.Unlock()
		if diff := cmp.Diff(want, rec.said); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		rec.said = nil
	}
	r := newRouter(t, configurationOf(t, []*Account{of("shopA", "a"), of("shopB", "b")},
		map[string]string{"x": "shopA", "y": "shopB"}))
	says("at first", "open a", "open b")

	sent := make(chan outbox.Verdict)
	go func() { sent <- r.Send(t.Context(), message("y", "shopB")) }()
	<-rec.begins
	err := r.Use(configurationOf(t, []*Account{of("shopA", "a"), of("shopC", "c")},
		map[string]string{"x": "shopA", "z": "shopC"}))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 { // in which an account that is closed too soon is closed
		runtime.Gosched()
	}
	says("with a send under way", "open c")
	if v := r.Send(t.Context(), message("y", "shopB")); v.Outcome != outbox.Halt {
		t.Errorf("a send of an account that is gone: %+v", v)
	}
	rec.ends <- true
	if v := <-sent; v.Text != "b" || v.Outcome != outbox.Accepted {
		t.Errorf("the send under way: %+v", v)
	}
	r.closing.Wait()
	says("after it", "close b, which sends 0")

	err = r.Use(configurationOf(t, []*Account{of("shopA", "a2"), of("shopD", "bad")}, map[string]string{"x": "shopA"}))
	if err == nil || !strings.Contains(err.Error(), "account shopD") {
		t.Errorf("a bad account: %v", err)
	}
	r.closing.Wait()
	says("after a bad one", "open a2", "close a2, which sends 0")
	if diff := cmp.Diff([]string{"shopA", "shopC"}, namesOf(r.Accounts())); diff != "" {
		t.Errorf("in use (-want +got):\n%s", diff)
	}
	r.Close()
	if got := len(rec.said); got != 2 {
		t.Errorf("at the end: %q", rec.said)
	}
}

func namesOf(list []outbox.Account) (names []string) {
	for _, a := range list {
		names = append(names, a.Name)
	}
	return names
}

// Many send while the accounts are changed again and again: no message is lost on the way, and none goes through an
// account that is closed.
func TestUseWhileSending(t *testing.T) {
	t.Parallel()
	rec := new(recorder)
	url := record(t, rec)
	configurations := []*Configuration{
		configurationOf(t, []*Account{recorderOf("shopA", "1", url)}, map[string]string{"x": "shopA"}),
		configurationOf(t, []*Account{recorderOf("shopA", "2", url)}, map[string]string{"x": "shopA"}),
		configurationOf(t, []*Account{recorderOf("shopB", "3", url)}, map[string]string{"x": "shopB"}),
	}
	r := newRouter(t, configurations[0])
	done := make(chan struct{})
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				account := r.Accounts()[0].Name
				v := r.Send(t.Context(), message("x", account))
				if v.Outcome != outbox.Accepted && v.Kind != string(explain.KindAccountChanged) {
					t.Errorf("%+v", v)
					return
				}
			}
		})
	}
	for n := range 300 {
		if err := r.Use(configurations[n%len(configurations)]); err != nil {
			t.Error(err)
		}
	}
	close(done)
	senders.Wait()
	r.Close()
	for _, said := range rec.said {
		if strings.HasPrefix(said, "close") && !strings.HasSuffix(said, " sends 0") {
			t.Error(said)
		}
	}
}

// Where one account's endpoint hangs, the others' answers come at once.
func TestOneHangs(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	sick := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hangs:
		case <-r.Context().Done():
		}
	}))
	defer sick.Close()
	well := httptest.NewServer(fakewechat.New(fakewechat.Options{}))
	defer well.Close()
	of := func(name, url string) *Account {
		return &Account{Name: name, Channel: WeChat, AppID: fakewechat.DefaultAppID,
			Secret: fakewechat.DefaultSecret, URL: url}
	}
	r := newRouter(t, configurationOf(t, []*Account{of("sick", sick.URL), of("well", well.URL)},
		map[string]string{"x": "sick", "y": "well"}))
	answered := make(chan outbox.Verdict)
	go func() { answered <- r.Ready(t.Context(), "sick") }()
	if v := r.Ready(t.Context(), "well"); v.Outcome != outbox.Accepted {
		t.Errorf("the account that is well: %+v", v)
	}
	if v := r.Send(t.Context(), message("y", "well")); v.Code == nil {
		t.Errorf("a message of the account that is well: %+v", v)
	}
	select {
	case v := <-answered:
		t.Errorf("the one that hangs answered: %+v", v)
	default:
	}
	close(hangs)
	if v := <-answered; v.Outcome == outbox.Accepted {
		t.Errorf("the one that hung is ready: %+v", v)
	}
}
