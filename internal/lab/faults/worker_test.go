//go:build faults

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// worker is a `submsg serve` process.
type worker struct {
	l    *lab
	name string
	cmd  *exec.Cmd
	log  output
	done chan struct{} // closed when it has ended
	err  error         // how, valid then
}

// output keeps what a process prints.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

func (o *output) tail(n int) string {
	text := o.String()
	return text[max(0, len(text)-n):]
}

// start runs a worker; env overrides the lab's settings.
func (l *lab) start(env ...string) *worker {
	l.t.Helper()
	return l.startOf(submsg, env...)
}

// startOf runs a worker of another build of the command.
func (l *lab) startOf(path string, env ...string) *worker {
	l.t.Helper()
	w := &worker{l: l, name: fmt.Sprintf("worker %d", len(l.workers)+1), done: make(chan struct{})}
	w.cmd = exec.Command(path, "serve")
	w.cmd.Env = append(os.Environ(), "DATABASE_URL="+l.url, "SUBMSG_HTTP_ADDR=off", "SUBMSG_LOG_LEVEL=debug",
		"SUBMSG_WECHAT_URL="+l.api, "SUBMSG_WECHAT_APPID="+appID, "SUBMSG_WECHAT_SECRET="+appSecret,
		fmt.Sprint("SUBMSG_SENDERS=", senders), fmt.Sprint("SUBMSG_SEND_TIMEOUT=", sendTimeout),
		fmt.Sprint("SUBMSG_LEASE=", lease), fmt.Sprint("SUBMSG_POLL=", poll),
		fmt.Sprint("SUBMSG_PROBE_EVERY=", probeEvery), fmt.Sprint("SUBMSG_TEMPLATE_WAIT=", poll))
	w.cmd.Env = append(w.cmd.Env, env...)
	w.cmd.Stdout, w.cmd.Stderr = &w.log, &w.log
	if err := w.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		w.err = w.cmd.Wait()
		close(w.done)
	}()
	l.workers = append(l.workers, w)
	return w
}

// startWith runs a worker with a failpoint armed.
func (l *lab) startWith(point string, nth int, action string, env ...string) *worker {
	return l.start(append(env, fmt.Sprintf("SUBMSG_FAILPOINT=%s:%d:%s", point, nth, action))...)
}

func (w *worker) signal(s syscall.Signal) {
	w.l.t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		w.l.t.Fatal(err)
	}
}

// kill ends it as a power cut would, and waits for its end.
func (w *worker) kill() {
	w.signal(syscall.SIGKILL)
	<-w.done
}

// diesWithin tells whether it ended by itself in time.
func (w *worker) diesWithin(limit time.Duration) bool {
	select {
	case <-w.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// terminate asks it to drain; it must end in time and, if it was serving, with exit code 0. On a busy machine it may
// not have come so far: then it has begun nothing, and the signal ends it, or it says what it was interrupted in.
func (w *worker) terminate(limit time.Duration) {
	w.l.t.Helper()
	w.signal(syscall.SIGTERM)
	if !w.diesWithin(limit) {
		w.l.t.Errorf("%s still runs %s after SIGTERM:\n%s", w.name, limit, w.log.tail(2000))
		w.kill()
	} else if w.err != nil && w.says("msg=serving") {
		w.l.t.Errorf("%s after SIGTERM: %v\n%s", w.name, w.err, w.log.tail(2000))
	}
}

func (w *worker) running() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

func (w *worker) says(text string) bool { return strings.Contains(w.log.String(), text) }

// frozen tells whether the process is stopped, with each of its threads (state T of proc(5)): the first of them stops
// before the others do.
func (w *worker) frozen() bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", w.cmd.Process.Pid))
	for _, path := range stats {
		stat, _ := os.ReadFile(path) // the thread may have ended
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(stats) > 0
}

// stopAll ends whatever still runs.
func (l *lab) stopAll() {
	for _, w := range l.workers {
		if w.running() {
			w.kill()
		}
	}
}

// checkSecrets fails the test if a canary shows in a log or in the database.
func (l *lab) checkSecrets() {
	l.t.Helper()
	for _, w := range l.workers {
		for _, line := range strings.Split(w.log.String(), "\n") {
			shows := func(secret string) bool { return strings.Contains(line, secret) }
			if slices.ContainsFunc([]string{appSecret, openidPrefix, phone, "access_token="}, shows) {
				l.t.Errorf("a secret in the log of %s: %s", w.name, line)
				break
			}
		}
	}
	n := 0
	for _, canary := range []string{appSecret, openidPrefix, phone} {
		n += l.count(`strpos(sendStatusMsg, $1) > 0`, canary)
		n += l.number(`SELECT count(*) FROM subMsgPause WHERE strpos(reason, $1) > 0`, canary)
	}
	if n > 0 {
		l.t.Errorf("a secret in the text of %d rows", n)
	}
}
