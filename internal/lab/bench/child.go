package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is this binary, run again.
type child struct {
	cmd  *exec.Cmd
	said *tail // on standard error
	done chan struct{}
	err  error // valid once done is closed
}

// start runs `submsg args…` with env on top of an environment in which nothing of the user's configures submsg. It is
// bound to no context: whoever needs it ends first, and then stops it. A Ctrl-C at the terminal doesn't reach it
// either.
func (l *lab) start(out io.Writer, env []string, args ...string) (*child, error) {
	c := &child{said: new(tail), done: make(chan struct{})}
	c.cmd = exec.Command(l.cfg.Self, args...)
	c.cmd.Args[0] = "submsg"
	c.cmd.Env = append(plainEnv(os.Environ()), env...)
	c.cmd.Stdout, c.cmd.Stderr = out, c.said
	c.cmd.SysProcAttr = ownGroup()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("run submsg %s: %w", args[0], err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// stop lets it finish what it has begun. It is an error if it had ended before, or ends badly.
func (c *child) stop() error {
	select {
	case <-c.done:
		return c.explain("had stopped by itself")
	default:
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(patience):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
	if c.err != nil {
		return c.explain("did not stop well")
	}
	return nil
}

func (c *child) explain(what string) error {
	return fmt.Errorf("submsg %s %s: %w", c.cmd.Args[1], what,
		errors.Join(c.err, errors.New(strings.TrimSpace(c.said.String()))))
}

func plainEnv(environ []string) (env []string) {
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "SUBMSG_") && !strings.HasPrefix(name, "PG") && name != "DATABASE_URL" {
			env = append(env, e)
		}
	}
	return env
}

// tail keeps the end of what was written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-2000):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// firstLine hands over the first line that is written.
type firstLine struct {
	line chan string // holds one
	buf  []byte
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.line != nil {
		f.buf = append(f.buf, p...)
		if line, _, whole := bytes.Cut(f.buf, []byte("\n")); whole {
			f.line <- string(line)
			f.line = nil
		}
	}
	return len(p), nil
}
