package settings

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// A secret file that is mended while submsg runs counts at once, without a restart; one that is empty, gone, or
// half-written changes nothing, and no secret is in the log.
func TestSecretFileIsReadAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fakewechat.New(fakewechat.Options{}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("anotherSecret1\n")
	s := WeChat{AppID: fakewechat.DefaultAppID, SecretFile: path, WeChatURL: server.URL}
	var said strings.Builder
	log := logrus.New()
	log.SetOutput(&said)
	a, err := s.Account(logrus.NewEntry(log))
	if err != nil {
		t.Fatal(err)
	}
	sender, err := account.Open(*a, account.Options{Log: logrus.NewEntry(log),
		Templates: func() *templates.Catalogue { return new(templates.Catalogue) }})
	if err != nil {
		t.Fatal(err)
	}
	ready := func() outbox.Outcome { return sender.Ready(t.Context()).Outcome }
	if got := ready(); got != outbox.Halt {
		t.Errorf("with a wrong secret: %v", got)
	}
	write("")
	if got := ready(); got != outbox.Halt {
		t.Errorf("with an empty file: %v", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := ready(); got != outbox.Halt {
		t.Errorf("without a file: %v", got)
	}
	write("anotherSecret2")
	if got := ready(); got != outbox.Halt {
		t.Errorf("with another wrong secret: %v", got)
	}
	write(fakewechat.DefaultSecret + "\n")
	if got := ready(); got != outbox.Accepted {
		t.Errorf("with the right one: %v", got)
	}
	sender.Close()
	for _, secret := range []string{"anotherSecret", fakewechat.DefaultSecret} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, said.String())
		}
	}
	if n := strings.Count(said.String(), "can't be read again"); n != 2 {
		t.Errorf("said %d times that it can't be read:\n%s", n, said.String())
	}
}
