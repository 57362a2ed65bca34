package e2e

import (
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/cli/doctor"
)

// parseCommand reads a command line as main does.
func parseCommand(t testing.TB, args ...string) (*command.Commands, *kong.Context, error) {
	t.Helper()
	c := new(command.Commands)
	parsed, err := command.Parser(c, kong.Writers(io.Discard, io.Discard)).Parse(args)
	return c, parsed, err
}

func mustParse(t testing.TB, args ...string) (*command.Commands, *kong.Node) {
	t.Helper()
	c, parsed, err := parseCommand(t, args...)
	if err != nil {
		t.Fatalf("submsg %q: %v", args, err)
	}
	return c, parsed.Selected()
}

// variables are those of the environment that a command reads, with their flags.
func variables(command *kong.Node) map[string]*kong.Flag {
	all := map[string]*kong.Flag{}
	for _, group := range command.AllFlags(false) {
		for _, flag := range group {
			for _, name := range flag.Envs {
				all[name] = flag
			}
		}
	}
	return all
}

type instruction struct{ name, text string }

// dockerfile is the instructions of each stage.
func dockerfile(t *testing.T) (stages [][]instruction) {
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(repoFile(t, "Dockerfile"), "\\\n", " ")) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
			continue
		case name == "FROM":
			stages = append(stages, nil)
		case len(stages) == 0:
			t.Fatalf("%s before the first FROM", name)
		}
		last := &stages[len(stages)-1]
		*last = append(*last, instruction{name, text})
	}
	return stages
}

// only is the text of an instruction that a stage has once.
func only(t *testing.T, stage []instruction, name string) string {
	t.Helper()
	var found []string
	for _, i := range stage {
		if i.name == name {
			found = append(found, i.text)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d times %s in a stage of the Dockerfile, want 1", len(found), name)
	}
	return found[0]
}

// program is the argument list of an instruction in its JSON form; the other one needs a shell, and there is none.
func program(t *testing.T, text string) (args []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &args); err != nil || len(args) == 0 {
		t.Fatalf("%q is no JSON list: the image has no shell", text)
	}
	return args
}

func TestDockerfile(t *testing.T) {
	stages := dockerfile(t)
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	build, image := stages[0], stages[1]

	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(repoFile(t, "go.mod"))[1]
	if from := only(t, build, "FROM"); from != "golang:"+goVersion+"-alpine AS build" {
		t.Errorf("it builds FROM %s; go.mod says %s", from, goVersion)
	}
	var run string
	for _, i := range build {
		run += i.text + "\n"
	}
	for _, part := range []string{"CGO_ENABLED=0", "-trimpath",
		"-X github.com/submsg/submsg/internal/cli/version.release=${VERSION}", "-o /submsg ./cmd/submsg"} {
		if !strings.Contains(run, part) {
			t.Errorf("the build says no %s", part)
		}
	}

	if from := only(t, image, "FROM"); from != "scratch" {
		t.Errorf("the image is FROM %s", from)
	}
	if user := only(t, image, "USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("USER %s: want numbers, and not root's: the image has no /etc/passwd", user)
	}
	if diff := cmp.Diff([]string{"/submsg"}, program(t, only(t, image, "ENTRYPOINT"))); diff != "" {
		t.Errorf("ENTRYPOINT (-want +got):\n%s", diff)
	}
	mustParse(t, program(t, only(t, image, "CMD"))...)
	_, check, _ := strings.Cut(only(t, image, "HEALTHCHECK"), " CMD ")
	if command := isHealthcheck(t, program(t, check)); command == nil {
		t.Errorf("HEALTHCHECK %s is not submsg healthcheck", check)
	}
}

// isHealthcheck returns the command that a health check in our image runs.
func isHealthcheck(t *testing.T, args []string) *doctor.Healthcheck {
	t.Helper()
	if len(args) < 2 || args[0] != "/submsg" {
		return nil
	}
	c, command := mustParse(t, args[1:]...)
	if command.Name != "healthcheck" {
		return nil
	}
	return &c.Healthcheck
}

// The workflow runs what people run, and nothing that may change under it.
func TestWorkflow(t *testing.T) {
	var file struct {
		Jobs map[string]struct{ Steps []struct{ Uses, Run string } }
	}
	if err := yaml.Unmarshal([]byte(repoFile(t, ".github/workflows/ci.yml")), &file); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	var runs []string
	for _, job := range file.Jobs {
		for _, step := range job.Steps {
			if step.Uses != "" && !regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`).MatchString(step.Uses) {
				t.Errorf("%s is not pinned to a commit", step.Uses)
			}
			runs = append(runs, step.Run)
		}
	}
	if !slices.Contains(runs, "bash .ci/run") {
		t.Errorf("it runs %q, not .ci/run", runs)
	}
}
