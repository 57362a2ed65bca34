package serve

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
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

func TestHealthSaysWhetherWakesArrive(t *testing.T) {
	for _, tt := range []struct {
		listening bool
		want      string
	}{
		{true, "ok\nwakes: arriving\n"},
		{false, "ok\nwakes: not arriving\n"},
	} {
		w := httptest.NewRecorder()
		health(func() bool { return tt.listening })(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != 200 || w.Body.String() != tt.want {
			t.Errorf("listening %t: %d %q", tt.listening, w.Code, w.Body)
		}
	}
}
