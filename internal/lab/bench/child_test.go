package bench

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlainEnv(t *testing.T) {
	got := plainEnv([]string{"PATH=/bin", "DATABASE_URL=postgres://theirs", "PGHOST=theirs", "SUBMSG_SENDERS=1",
		"TMPDIR=/t"})
	if diff := cmp.Diff([]string{"PATH=/bin", "TMPDIR=/t"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFirstLine(t *testing.T) {
	f := &firstLine{line: make(chan string, 1)}
	line := f.line
	for _, part := range []string{"http://", "127.0.0.1:1\nand", " more\n", "and more\n"} {
		if n, err := f.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if got := <-line; got != "http://127.0.0.1:1" {
		t.Errorf("line = %q", got)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var said tail
	for range 1000 {
		said.Write([]byte("0123456789"))
	}
	said.Write([]byte("the end"))
	if got := said.String(); len(got) != 2000 || !strings.HasSuffix(got, "89the end") {
		t.Errorf("%d bytes, …%q", len(got), got[len(got)-10:])
	}
}

func TestChild(t *testing.T) {
	l := &lab{cfg: Config{Self: "/bin/sh"}}
	t.Run("that ends by itself is an error, with what it said", func(t *testing.T) {
		c, err := l.start(nil, nil, "-c", "echo no port left >&2; exit 3")
		if err != nil {
			t.Fatal(err)
		}
		<-c.done
		if err := c.stop(); err == nil || !strings.Contains(err.Error(), "no port left") {
			t.Errorf("stop: %v", err)
		}
	})
	t.Run("that finishes on SIGTERM is fine", func(t *testing.T) {
		out := &firstLine{line: make(chan string, 1)}
		line := out.line
		c, err := l.start(out, []string{"SAY=ready"}, "-c",
			`trap 'exit 0' TERM; echo $SAY; while :; do sleep 0.01; done`)
		if err != nil {
			t.Fatal(err)
		}
		if got := <-line; got != "ready" {
			t.Errorf("it said %q", got)
		}
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("that isn't there", func(t *testing.T) {
		l := &lab{cfg: Config{Self: "/nonexistent/submsg"}}
		if c, err := l.start(nil, nil, "serve"); err == nil {
			t.Errorf("started %v", c)
		}
	})
}
