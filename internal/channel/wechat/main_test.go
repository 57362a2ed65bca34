package wechat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What must never be seen in a text or a log.
const (
	canarySecret = "SECRET-canary/7f3a+b=c"
	canaryToken  = "TOKEN-canary/91_AAa+bb=="
	canaryOpenID = "oCANARY5EFgh1JKlmnOPqrStuVwx"
)

const (
	orderID  = "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc"
	resendID = "resendresendresendresendresendresendresend0"
)

// catalogue is the shipped template orderStatus, and a copy that is to be sent again when in doubt.
func catalogue(t testing.TB) *templates.Catalogue {
	t.Helper()
	order := `
id: ` + orderID + `
name: orderStatus
title: 订单状态通知
params: [goodsName, goodsPrice, orderStatus, remark]
page: pages/APITest/APITest
miniprogramState: developer
data:
  thing2: "{goodsName}"
  amount3: "{goodsPrice}元"
  thing11: "{orderStatus}"
  thing5: "{remark}"
`
	again := "id: " + resendID +
		"\nname: again\ntitle: t\nparams: [what]\nonUnknown: resend\ndata:\n  thing1: \"{what}\"\n"
	c, err := fields.Load(fstest.MapFS{
		"order.yaml": {Data: []byte(order)},
		"again.yaml": {Data: []byte(again)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func claim() outbox.Claimed {
	return outbox.Claimed{ID: 7, OpenID: canaryOpenID, TemplateID: "orderStatus", Attempt: 1,
		Params: []string{"生椰拿铁", "19.9", "已发货", "预计明日送达"}}
}

func claimAgain(attempt int) outbox.Claimed {
	return outbox.Claimed{ID: 8, OpenID: canaryOpenID, TemplateID: "again", Attempt: attempt, Params: []string{"x"}}
}

// record is a log that can be read while it is written.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

func logTo(w io.Writer) *logrus.Entry {
	l := logrus.New()
	l.SetOutput(w)
	l.SetLevel(logrus.TraceLevel)
	return logrus.NewEntry(l)
}

// newSender returns a sender to base; change may adapt its configuration.
func newSender(t testing.TB, base string, change ...func(*Config)) *Sender {
	t.Helper()
	c := catalogue(t)
	cfg := Config{BaseURL: base, AppID: "wx0000000000000000", Secret: canarySecret, Timeout: 10 * time.Second,
		Conns:     50,
		Templates: func() *templates.Catalogue { return c }, Log: logTo(io.Discard)}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// holding gives a sender an account that gets this token from an endpoint of its own, so that the server under test is
// asked for none. The endpoint answers in its own time, whatever the sender's timeout.
func holding(t testing.TB, s *Sender, value string) *Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, value)
	}))
	client := wire.New(time.Minute, 1)
	s.account.Close()
	var err error
	s.account, err = weixin.Open(weixin.Config{
		BaseURL: server.URL, AppID: "wx0000000000000000", Secret: canarySecret, Wire: client, Log: s.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); client.Close() })
	if v := s.Ready(context.Background()); v.Outcome != outbox.Accepted {
		t.Fatal(v.Text)
	}
	return s
}

// hider is what takes the secret out of others' words.
func hider(t testing.TB) func(string) string {
	s := newSender(t, "http://127.0.0.1:1")
	return func(text string) string { return s.account.Hide(text) }
}

func timeout(d time.Duration) func(*Config) { return func(c *Config) { c.Timeout = d } }
