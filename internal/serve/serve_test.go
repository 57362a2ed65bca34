package serve

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/httpserver"
)

func TestBehindPooler(t *testing.T) {
	for _, tt := range []struct {
		err  error
		hint bool
	}{
		{fmt.Errorf("read: %w", &pgconn.PgError{Code: "42P05"}), true},
		{&pgconn.PgError{Code: "26000"}, true},
		{&pgconn.PgError{Code: "42P01"}, false},
		{errors.New("broken pipe"), false},
	} {
		got := behindPooler(tt.err)
		if hint := strings.Contains(got.Error(), "default_query_exec_mode=cache_describe"); hint != tt.hint ||
			!errors.Is(got, tt.err) {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}

// The senders and the database come before HTTP, and what the process can't have is said at start.
func TestDescriptors(t *testing.T) {
	conns, err := new(Command).httpConns(1, 5)
	if err != nil || conns < 1 || conns > mostHTTPConns {
		t.Errorf("%d connections, %v", conns, err)
	}
	_, err = new(Command).httpConns(httpserver.Descriptors(), 5)
	if !errors.As(err, new(terminal.UsageError)) || !strings.Contains(err.Error(), "raise its limit") {
		t.Errorf("as many senders as descriptors: %v", err)
	}
}

func TestHealth(t *testing.T) {
	for _, tt := range []struct {
		alive, listening bool
		code             int
		want             string
	}{
		{true, true, 200, "ok\nwakes: arriving\n"},
		{true, false, 200, "ok\nwakes: not arriving\n"},
		{false, true, 503, "stuck: " + errStuck.Error() + "\n"},
	} {
		w := httptest.NewRecorder()
		page := health(func() bool { return tt.alive }, func() bool { return tt.listening })
		page(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != tt.code || w.Body.String() != tt.want {
			t.Errorf("alive %t, listening %t: %d %q", tt.alive, tt.listening, w.Code, w.Body)
		}
	}
}
