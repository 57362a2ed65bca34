//go:build faults

package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

var whichBugs = flag.String("bugs", "", "which seeded bugs TestSeededBugs plants: all, a number of them by chance, "+
	"or names with commas between; all in the long form, otherwise 3")

// envBinary names the submsg under test, instead of one built from this source. Databases are migrated by it then.
const envBinary = "SUBMSG_FAULTS_BINARY"

// bug is a mistake that somebody could make, as a change of one place in the source, and who has to notice.
type bug struct {
	name     string
	file     string // from the module's root
	old, new string // the text, there once, and what stands there instead
	test     string // of this suite, as -run takes it
	cycles   int    // for that test
	says     string // a pattern for the broken promise that it must name; a failure for another reason is none
}

// root is the module's root, seen from this folder.
const root = "../../.."

// source is the changed file: its path, and its text with the bug.
func (b bug) source() (file, text string, err error) {
	file, err = filepath.Abs(filepath.Join(root, b.file))
	if err != nil {
		return "", "", err
	}
	well, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	if n := strings.Count(string(well), b.old); n != 1 {
		return "", "", fmt.Errorf("the bug's place is %d times in %s: has the code changed? Then the bug must, too", n,
			b.file)
	}
	return file, strings.Replace(string(well), b.old, b.new, 1), nil
}

// plant builds submsg with the bug, by the go command's overlay: the source stays as it is, and only what
// depends on the changed file is compiled.
func (b bug) plant(dir string) (path string, err error) {
	file, text, err := b.source()
	if err != nil {
		return "", err
	}
	mutant := filepath.Join(dir, filepath.Base(file))
	if err := os.WriteFile(mutant, []byte(text), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: mutant}})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	return build(dir, root, "-overlay", list)
}

// suite runs tests of this very binary on another submsg, in a process of its own on the same Postgres. passed is false
// only if a test failed.
func suite(t *testing.T, binary, tests string, cycles int) (passed bool, output string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run="+tests, "-test.v", "-test.timeout=2m",
		fmt.Sprint("-cycles=", cycles), fmt.Sprint("-seed=", *seed))
	cmd.Env = append(os.Environ(), envBinary+"="+binary)
	if os.Getenv("TEST_DATABASE_URL") == "" {
		cmd.Env = append(cmd.Env, "TEST_DATABASE_URL="+pgtest.Server(t).URL())
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // workers may outlive a panic, and hold the output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s didn't run to its end: %v\n%s", tests, err, tail(out.String(), 4000))
	}
	return err == nil, out.String()
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// TestBugsHaveTheirPlace finds the place of each bug in the source, which takes no time.
func TestBugsHaveTheirPlace(t *testing.T) {
	for _, b := range bugs {
		if _, _, err := b.source(); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
}

// TestSeededBugs plants bugs and lets the suite find them: what it doesn't find, it doesn't prove. Each has a build and
// databases of its own, so several are tried at once.
func TestSeededBugs(t *testing.T) {
	t.Parallel()
	chosen := choose(t, *whichBugs)
	lines := make([]string, len(chosen))
	t.Run("planted", func(t *testing.T) {
		for i, b := range chosen {
			t.Run(strings.ReplaceAll(b.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				lines[i] = b.caught(t)
			})
		}
	})
	if len(chosen) == len(bugs) { // otherwise the suite's own run shows it
		t.Run("without", func(t *testing.T) { withoutBugs(t, chosen) })
	}
	t.Logf("\n%-44s %-36s %8s  %s\n%s", "bug", "caught by", "after", "which says", strings.Join(lines, ""))
}

// caught plants the bug, runs the test that has to notice it, and returns the line of the report about it.
func (b bug) caught(t *testing.T) string {
	t.Helper()
	path, err := b.plant(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	passed, output := suite(t, path, b.test, b.cycles)
	took := time.Since(began).Round(100 * time.Millisecond)
	proof := regexp.MustCompile(`(?m)^.*(` + b.says + `).*$`).FindString(output)
	switch {
	case passed:
		t.Errorf("%s doesn't notice it:\n%s", b.test, tail(output, 4000))
	case proof == "":
		t.Errorf("%s fails, but doesn't say %q:\n%s", b.test, b.says, tail(output, 8000))
	}
	total.inject("seeded bug", 1)
	return fmt.Sprintf("%-44s %-36s %6.1f s  %.100s\n", b.name, b.test, took.Seconds(), strings.TrimSpace(proof))
}

// withoutBugs runs what catches the bugs on submsg as it is, in the same way: it passes.
func withoutBugs(t *testing.T, chosen []bug) {
	ran := make(map[string]bool)
	for _, b := range chosen {
		run := fmt.Sprint(b.test, " -cycles ", b.cycles)
		if ran[run] {
			continue
		}
		ran[run] = true
		if passed, output := suite(t, submsg, b.test, b.cycles); !passed {
			t.Errorf("%s fails without a bug:\n%s", run, tail(output, 8000))
		}
	}
}

// choose picks bugs by the flag's word.
func choose(t *testing.T, which string) []bug {
	t.Helper()
	switch {
	case which == "all" || which == "" && *cycles >= 1000:
		return bugs
	case which == "":
		which = "3"
	}
	var n int
	if _, err := fmt.Sscan(which, &n); err == nil {
		dice := rand.New(rand.NewPCG(*seed, 10))
		var some []bug
		for _, i := range dice.Perm(len(bugs))[:min(n, len(bugs))] {
			some = append(some, bugs[i])
		}
		return some
	}
	var named []bug
	for _, name := range strings.Split(which, ",") {
		i := slices.IndexFunc(bugs, func(b bug) bool { return b.name == strings.TrimSpace(name) })
		if i < 0 {
			t.Fatalf("no bug is called %q", name)
		}
		named = append(named, bugs[i])
	}
	return named
}

// database is a migrated database; where another submsg is under test, its own migrations made it.
func database(t *testing.T) string {
	t.Helper()
	if os.Getenv(envBinary) == "" {
		return pgtest.DB(t)
	}
	url := pgtest.Empty(t)
	cmd := exec.Command(submsg, "migrate", "up")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+url)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("submsg migrate up: %v\n%s", err, out)
	}
	return url
}
