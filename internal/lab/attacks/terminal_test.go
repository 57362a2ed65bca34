package attacks

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/cli/terminal"
)

// Whatever the names and texts hold that a command comes across, what it prints can be read as it stands: nothing
// steers the terminal, and no value passes for a line of submsg's. Programs get the values as they are.
func TestHostileNames(t *testing.T) {
	w := newHostileWorld(t)
	known := w.invocations()
	leaves := command.Parser(new(command.Commands)).Model.Leaves(false)
	for _, leaf := range leaves {
		path := leaf.Path()
		if known[path] == nil {
			t.Errorf("submsg %s: say in invocations() how it is made to print what others wrote", path)
		}
		t.Run(path, func(t *testing.T) {
			met := false
			for _, i := range known[path] {
				out, errs := run(t, i)
				shown(t, i, out+errs)
				programs(t, i, out, errs)
				met = met || strings.Contains(out+errs, `\u202e`)
			}
			if !met {
				t.Error("nothing hostile came near it")
			}
		})
	}
	if len(leaves) != len(known) {
		t.Errorf("%d commands, and %d are known here", len(leaves), len(known))
	}
}

// A statement that a command prints says what it has said before, though names in it can't be shown.
func TestHostileStatements(t *testing.T) {
	w := newHostileWorld(t)
	for _, path := range []string{"show", "remove"} {
		args := []string{"rules", path, "right" + hostile, "--database-url=" + w.url, "--schema=" + w.schema}
		if path == "remove" {
			args = append(args, "--yes")
		}
		out, errs := run(t, line(args...))
		_, statement, found := strings.Cut(out, "\nSELECT ")
		statement, _, ended := strings.Cut(statement, ";\n")
		if !found || !ended {
			t.Fatalf("no statement in\n%s%s", out, errs)
		}
		w.exec(w.url, `SELECT submsg_unwatch(name) FROM subMsgRule WHERE name = $1`, "right"+hostile)
		w.exec(w.url, "SELECT "+statement)
		again, _ := run(t, line(slices.Concat([]string{"rules", "show"}, args[2:5])...))
		if !strings.Contains(again, statement) {
			t.Errorf("%s\nmade another rule:\n%s", statement, again)
		}
	}
	prefix := "submsg_" + strings.ToLower(rand.Text()[:8])
	script, _ := run(t, line("roles", "--schema="+w.schema, "--prefix="+prefix))
	w.exec(w.url, script)
	roles := strings.ReplaceAll("P_app, P_worker, P_admin, P_readonly", "P", prefix)
	w.exec(w.url, "DROP OWNED BY "+roles+"; DROP ROLE "+roles)
}

// What serve answers a person with curl is as printable.
func TestHostileReadiness(t *testing.T) {
	w := newHostileWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs output
	done := make(chan struct{})
	args := []string{"serve", "--http-addr=127.0.0.1:0", "--database-url=" + w.url, "--schema=" + w.schema,
		"--wechat-appid=wx", "--wechat-secret=x", "--wechat-url=" + w.closed, "--templates=" + w.templates}
	go func() {
		defer close(done)
		command.RunUntil(ctx, args, terminal.New(strings.NewReader(""), &out, &errs))
	}()
	defer func() { cancel(); <-done }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		if _, after, found := strings.Cut(errs.String(), "http://"); found && strings.Contains(after, "40125 said") {
			at, _, _ := strings.Cut(after, "/healthz")
			body := get(t, "http://"+at+"/readyz")
			shown(t, invocation{args: args}, body)
			if !strings.Contains(body, "40125 said") || !strings.Contains(body, `\u202e`) {
				t.Errorf("nothing hostile came near it: %s", body)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never served:\n%s", errs.String())
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A mistake in what a flag, a value or a variable says is told in words that can be shown, and nothing has run.
func TestHostileUsage(t *testing.T) {
	for _, leaf := range command.Parser(new(command.Commands)).Model.Leaves(false) {
		path := strings.Fields(leaf.Path())
		for _, flags := range leaf.AllFlags(false) {
			for _, f := range flags {
				wrong := line(append(slices.Clone(path), "--"+f.Name+"="+hostile, "--"+hostile)...)
				refused(t, wrong)
				for _, name := range f.Envs {
					t.Run(name, func(t *testing.T) {
						t.Setenv(name, hostile)
						refused(t, line(append(slices.Clone(path), "--"+hostile)...))
					})
				}
			}
		}
	}
}

func refused(t *testing.T, i invocation) {
	t.Helper()
	var out, errs output
	code := command.RunUntil(t.Context(), i.args, terminal.New(strings.NewReader(""), &out, &errs))
	if code == command.ExitOK {
		t.Errorf("submsg %q: it has run", i.args)
	}
	shown(t, i, out.String()+errs.String())
}
