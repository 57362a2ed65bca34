package bench

import (
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/submsg/submsg/internal/cli/terminal"
)

func TestBenchTakesADatabaseOnlyByItsFlag(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://production/orders")
	t.Setenv("SUBMSG_DATABASE_URL", "postgres://production/orders")
	for _, tt := range []struct{ args, want string }{
		{"bench", ""},
		{"bench --database-url=postgres://lab/x", "postgres://lab/x"},
	} {
		var c struct {
			Bench Command `cmd:""`
		}
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(tt.args)); err != nil {
			t.Fatal(err)
		}
		cfg, err := c.Bench.config(terminal.New(nil, io.Discard, io.Discard))
		if err != nil || cfg.DatabaseURL != tt.want {
			t.Errorf("%s: database %q, %v; want %q", tt.args, cfg.DatabaseURL, err, tt.want)
		}
	}
}
