//go:build faults

package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

var (
	cycles = flag.Int("cycles", 60, "how many kills, cuts and edits each test makes; 1000 is the long form")
	seed   = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the suite's choices")
)

// submsg is the path of the command under test, built with failpoints.
var submsg string

func TestMain(m *testing.M) {
	// What is parallel here mostly waits, for timeouts, probes and servers that start: more of it fits than there are
	// processors.
	flag.Set("test.parallel", "5")
	flag.Parse()
	code := 1
	dir, err := os.MkdirTemp("", "submsg-faults-")
	if submsg = os.Getenv(envBinary); err == nil && submsg == "" {
		submsg, err = build(dir, ".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(code)
	}
	fmt.Printf("faults: -seed %d -cycles %d\n", *seed, *cycles)
	// pgtest.Main exits, so what must follow the tests is a test run's own end.
	pgtest.MainFunc(func() int {
		defer os.RemoveAll(dir)
		code := m.Run()
		total.print(os.Stdout)
		return code
	})
}

// build makes the command, with failpoints, from the module at root.
func build(dir, root string, flags ...string) (string, error) {
	path := filepath.Join(dir, "submsg")
	args := append([]string{"build", "-tags", "faults", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "github.com/submsg/submsg/cmd/submsg")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build submsg: %w\n%s", err, out)
	}
	return path, nil
}
