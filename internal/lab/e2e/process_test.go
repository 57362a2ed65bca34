package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// waitAtMost bounds every wait; it is long because the machine may be busy, and only a failing test uses it up.
const waitAtMost = 2 * time.Minute

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(waitAtMost); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// process is a submsg process, which ends with its test at the latest.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	name     string
	out, err output
	done     chan struct{}
}

// output is what a process has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs submsg with nothing of this process's configuration in its environment, but with env.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A race in the fake is found by its own tests. CI names a submsg without the race detector, which costs a fake six
	// times as much.
	if plain := os.Getenv("PLAIN_SUBMSG"); plain != "" && args[0] == "fakewechat" {
		path = plain
	}
	return startBinary(t, path, env, args...)
}

// startBinary is start of a submsg built elsewhere.
func startBinary(t *testing.T, path string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: strings.Join(args[:min(len(args), 2)], " "), done: make(chan struct{})}
	p.cmd = &exec.Cmd{Path: path, Args: append([]string{"submsg"}, args...), Env: append(bareEnv(), env...),
		Stdout: &p.out, Stderr: &p.err}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its exit code is asked for where it matters
		close(p.done)
	}()
	t.Cleanup(p.finish)
	return p
}

// bareEnv is the environment without what configures submsg, libpq or OpenTelemetry.
func bareEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PG") || strings.HasPrefix(v, "OTEL_") || strings.HasPrefix(v, "DATABASE_URL=") ||
			strings.HasPrefix(v, "SUBMSG_") && !strings.HasPrefix(v, "SUBMSG_POSTGRES_BIN=")
	})
}

// finish ends the process, and looks at all that it printed.
func (p *process) finish() {
	select {
	case <-p.done:
	default:
		p.signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(waitAtMost):
			_ = p.cmd.Process.Kill()
			<-p.done
			p.t.Errorf("%s: did not end by SIGTERM", p.name)
		}
	}
	printed := p.out.String() + p.err.String()
	if p.t.Failed() {
		p.t.Logf("submsg %s:\n%.6000s", p.name, printed)
	}
	for _, leak := range leaks(printed) {
		p.t.Errorf("submsg %s printed %s", p.name, leak)
	}
}

// The planted secrets: every secret, openid and token that the tests use begins so (tokens are learned, see
// world.plant).
const (
	secretMark = "e2eSecretValue"
	personMark = "oE2E"
)

var (
	wholeOpenID = regexp.MustCompile(personMark + `[0-9A-Za-z_-]{24}`)
	planted     sync.Map // further texts that nothing may print
)

// leaks is what no process may ever print, and what it must not die of.
func leaks(printed string) (found []string) {
	for _, sign := range []string{"DATA RACE", "panic:", "goroutine 1 ["} {
		if strings.Contains(printed, sign) {
			found = append(found, sign)
		}
	}
	if strings.Contains(printed, secretMark) {
		found = append(found, "the AppSecret")
	}
	if wholeOpenID.MatchString(printed) {
		found = append(found, "a whole openid")
	}
	planted.Range(func(text, what any) bool {
		if strings.Contains(printed, text.(string)) {
			found = append(found, what.(string))
		}
		return true
	})
	return found
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

// says waits until the process has printed a match on standard error, and returns its groups.
func (p *process) says(expr string) []string {
	p.t.Helper()
	return p.match(&p.err, expr)
}

func (p *process) match(o *output, expr string) (found []string) {
	p.t.Helper()
	re := regexp.MustCompile(expr)
	eventually(p.t, p.name+" says "+expr, func() bool {
		found = re.FindStringSubmatch(o.String())
		if found == nil && p.ended() {
			p.t.Fatalf("%s ended without saying %s", p.name, expr)
		}
		return found != nil
	})
	return found
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// count is how often the process has said something on standard error.
func (p *process) count(text string) int { return strings.Count(p.err.String(), text) }

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(waitAtMost):
		p.t.Fatalf("%s: does not end", p.name)
	}
	return p.cmd.ProcessState.ExitCode()
}

func TestLeaksAreSeen(t *testing.T) {
	planted.Store("tok-en-0123456789", "a token")
	defer planted.Delete("tok-en-0123456789")
	for _, printed := range []string{
		"x " + secretMark + "0 y", "to oE2E000000000000000000000042.", "access_token=tok-en-0123456789&", "WARNING: DATA RACE", "panic: no",
	} {
		if len(leaks(printed)) != 1 {
			t.Errorf("%q: found %v", printed, leaks(printed))
		}
	}
	if found := leaks("send to oE2E…42 orderStatus: 0 accepted"); found != nil {
		t.Errorf("found %v in an innocent line", found)
	}
}
