package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestIsRefusal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		severity, code string
		want           bool
	}{
		{"ERROR", "23514", true}, // a constraint
		{"ERROR", "MY001", true}, // raised by somebody's trigger
		{"ERROR", "XX001", true}, // this row's data are corrupted
		{"ERROR", "55006", true}, // the guard of hand edits: it is being sent
		{"ERROR", "55P03", false},
		{"ERROR", "42501", false}, // a right
		{"ERROR", "42703", false}, // a column
		{"ERROR", "0A000", false}, // a cached plan
		{"ERROR", "53100", false},
		{"ERROR", "25006", false},
		{"ERROR", "57014", false},
		{"ERROR", "XX000", false},
		{"PANIC", "XX001", false},
		{"FATAL", "42501", false},
	} {
		err := fmt.Errorf("claim: %w", &pgconn.PgError{SeverityUnlocalized: tt.severity, Code: tt.code})
		if got := IsRefusal(err); got != tt.want {
			t.Errorf("refusal of %s %s = %t", tt.severity, tt.code, got)
		}
	}
	if IsRefusal(nil) || IsRefusal(errors.New("broken pipe")) {
		t.Error("what the server did not say is a refusal")
	}
}
