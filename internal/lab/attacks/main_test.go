package attacks

import (
	"os"
	"testing"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// asCommand in its environment makes this binary submsg itself.
const asCommand = "ATTACKS_AS_COMMAND=1"

// commandEnv is the environment of a command: nothing that configures submsg, but how to run it, and in which way the
// race detector works.
func commandEnv(t *testing.T, more ...string) []string {
	usual := []string{asCommand, "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GORACE=" + os.Getenv("GORACE")}
	return append(usual, more...)
}

func TestMain(m *testing.M) {
	if os.Getenv("ATTACKS_AS_COMMAND") != "" {
		os.Exit(command.Main())
	}
	pgtest.Main(m)
}
