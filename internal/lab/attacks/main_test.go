package attacks

import (
	"os"
	"testing"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// asCommand in its environment makes this binary submsg itself.
const asCommand = "ATTACKS_AS_COMMAND=1"

func TestMain(m *testing.M) {
	if os.Getenv("ATTACKS_AS_COMMAND") != "" {
		os.Exit(command.Main())
	}
	pgtest.Main(m)
}
