package attacks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// daemon is a submsg process, with an environment of the test's making.
type daemon struct {
	t       *testing.T
	args    []string
	process *exec.Cmd
	ended   chan struct{}

	mu   sync.Mutex
	said bytes.Buffer
}

func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.Write(p)
}

// printed is all that it has written, to whichever output.
func (d *daemon) printed() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

// startDaemon runs submsg, which may have so many file descriptors (0: as many as the tests). It ends with the test.
func startDaemon(t *testing.T, descriptors int, env []string, args ...string) *daemon {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, args: args, ended: make(chan struct{})}
	limit := ":"
	if descriptors > 0 {
		limit = fmt.Sprintf("ulimit -n %d", descriptors)
	}
	d.process = exec.Command("/bin/sh", append([]string{"-c", limit + ` && exec "$0" "$@"`, self}, args...)...)
	d.process.Env = commandEnv(t, env...)
	d.process.Stdout, d.process.Stderr = d, d
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.process.Wait(); close(d.ended) }()
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("submsg %q:\n%.1000s", args, d.printed())
		}
	})
	return d
}

// exit waits for its end and returns the exit code.
func (d *daemon) exit() int {
	d.t.Helper()
	select {
	case <-d.ended:
	case <-time.After(waitFor):
		_ = d.process.Process.Kill()
		<-d.ended
		d.t.Fatalf("submsg %q doesn't end", d.args)
	}
	return d.process.ProcessState.ExitCode()
}

func (d *daemon) stop() {
	_ = d.process.Process.Signal(syscall.SIGTERM)
	d.exit()
}

// waitFor bounds every wait; only a test that fails uses it up.
const waitFor = time.Minute

// waitUntil waits until something holds.
func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(waitFor); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// finds waits until it has printed a match, and returns its first group.
func (d *daemon) finds(expr string) (group string) {
	d.t.Helper()
	re := regexp.MustCompile(expr)
	waitUntil(d.t, fmt.Sprintf("submsg %q says %s", d.args, expr), func() bool {
		found := re.FindStringSubmatch(d.printed())
		if found == nil {
			select {
			case <-d.ended:
				d.t.Fatalf("submsg %q ended without saying %s", d.args, expr)
			default:
			}
			return false
		}
		group = found[len(found)-1]
		return true
	})
	return group
}

// startFake runs a fake WeChat, and returns its address.
func startFake(t *testing.T, descriptors int, args ...string) (d *daemon, addr string) {
	t.Helper()
	args = append([]string{"fakewechat", "--addr=127.0.0.1:0", "--grant-all"}, args...)
	d = startDaemon(t, descriptors, nil, args...)
	return d, d.finds(`(?m)^http://(\S+)$`)
}

// startServe runs a serve that sends to a WeChat, and returns the address of its HTTP listener. What is in env goes
// before the usual settings.
func startServe(t *testing.T, descriptors int, database, wechat string, env ...string) (d *daemon, addr string) {
	t.Helper()
	usual := []string{"DATABASE_URL=" + database, "SUBMSG_WECHAT_URL=" + wechat,
		"SUBMSG_WECHAT_APPID=" + fakewechat.DefaultAppID, "SUBMSG_WECHAT_SECRET=" + fakewechat.DefaultSecret,
		"SUBMSG_HTTP_ADDR=127.0.0.1:0"}
	d = startDaemon(t, descriptors, append(usual, env...), "serve")
	d.finds("msg=serving")
	return d, d.finds(`http://(\S+)/healthz answers`)
}

// askAs asks for a page under a host name and with headers, each "Name: value".
func askAs(t *testing.T, method, addr, path, host string, headers ...string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitFor)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s as %q: %v", method, path, host, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, string(text)
}

// holdOpen opens connections that say something, or nothing, and are held until the test's end.
func holdOpen(t *testing.T, addr string, n int, says string) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_, _ = io.WriteString(c, says) // it may be closed already
	}
}

// beside is another database of the same server.
func beside(t *testing.T, database, name string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}
