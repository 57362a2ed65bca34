package e2e

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/internal/cli/doctor"
	"github.com/submsg/submsg/internal/lab/fakewechat"
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

type composeService struct {
	Image, User string
	Build       any
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Healthcheck struct{ Test []string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

// ours says that the service runs this repository's image.
func (s composeService) ours() bool { return s.Build != nil }

var reference = regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`)

// compose reads docker-compose.yml with these variables set.
func compose(t *testing.T, set map[string]string) map[string]composeService {
	t.Helper()
	text := reference.ReplaceAllStringFunc(repoFile(t, "docker-compose.yml"), func(ref string) string {
		part := reference.FindStringSubmatch(ref)
		if value := set[part[1]]; value != "" {
			return value
		}
		return part[2]
	})
	if i := strings.Index(text, "${"); i >= 0 {
		t.Fatalf("a variable without a default: %.30q", text[i:])
	}
	var file struct {
		Services map[string]composeService
		Volumes  map[string]any
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	for name, s := range file.Services {
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if _, ok := file.Volumes[from]; !ok {
				t.Errorf("%s: no volume %s", name, from)
			}
		}
	}
	return file.Services
}

func TestCompose(t *testing.T) {
	services := compose(t, nil)
	for _, name := range []string{"postgres", "fakewechat", "submsg"} {
		if _, ok := services[name]; !ok {
			t.Fatalf("no service %s", name)
		}
	}
	for name, s := range services {
		t.Run(name, func(t *testing.T) {
			for _, port := range s.Ports {
				if !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("port %s is open to other machines", port)
				}
			}
			for other, wait := range s.DependsOn {
				if wait.Condition != "service_healthy" || len(services[other].Healthcheck.Test) == 0 {
					t.Errorf("it waits until %s is %q, and %s has no health check", other, wait.Condition, other)
				}
			}
			if !s.ours() {
				return
			}
			if s.User != "" {
				t.Errorf("it runs as %s, not as the image's user", s.User)
			}
			_, command := mustParse(t, s.Command...)
			reads := variables(command)
			for variable, value := range s.Environment {
				if _, ok := reads[variable]; !ok && !strings.HasPrefix(variable, "PG") {
					t.Errorf("submsg %s doesn't read %s", command.Name, variable)
				}
				if at, err := url.Parse(value); err == nil && at.Scheme != "" && services[at.Hostname()].Image == "" {
					t.Errorf("%s=%s: there is no service %s", variable, value, at.Hostname())
				}
			}
			if test := s.Healthcheck.Test; len(test) > 0 && (test[0] != "CMD" || isHealthcheck(t, test[1:]) == nil) {
				t.Errorf("health check %q is not submsg healthcheck", test)
			}
		})
	}
	if want := []string{"data:/var/lib/postgresql"}; !slices.Equal(services["postgres"].Volumes, want) {
		t.Errorf("postgres has the volumes %q; its image keeps the data in %q", services["postgres"].Volumes, want)
	}
}

// in makes the environment that of a service, and nothing else.
func (s composeService) in(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "SUBMSG_") || strings.HasPrefix(name, "PG") ||
			name == "DATABASE_URL" {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	for name, value := range s.Environment {
		t.Setenv(name, value)
	}
	command.UnsetEmpty()
}

// Without an account it sends to the fake, with the two variables set to WeChat.
func TestComposeAccount(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   map[string]string
		url   string
		appID string
		key   wechat.Secret
	}{
		{"no account", nil, "http://fakewechat:8788", fakewechat.DefaultAppID, fakewechat.DefaultSecret},
		{"an account", map[string]string{"SUBMSG_WECHAT_APPID": "wx1", "SUBMSG_WECHAT_SECRET": "s1"}, "https://api.weixin.qq.com", "wx1", "s1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			services := compose(t, tt.set)
			services["submsg"].in(t)
			c, _ := mustParse(t, services["submsg"].Command...)
			log := logrus.New()
			log.SetOutput(io.Discard)
			address, appID, secret, err := c.Serve.Account(logrus.NewEntry(log))
			if err != nil || address != tt.url || appID != tt.appID || secret != tt.key {
				t.Errorf("it sends to %s as %s, error %v; want %s, %s", address, appID, err, tt.url, tt.appID)
			}
			if _, err := c.Serve.URL(); err != nil || !c.Serve.Migrate {
				t.Errorf("database %v, migrate %t", err, c.Serve.Migrate)
			}
		})
	}
}

// The fake's health check is ours: it asks for /healthz, and any answer shows that the fake listens.
func TestComposeFakeIsHealthy(t *testing.T) {
	services := compose(t, nil)
	_, command := mustParse(t, services["fakewechat"].Command...)
	if command.Name != "fakewechat" {
		t.Fatalf("it runs %s", command.Name)
	}
	server := httptest.NewServer(fakewechat.New(fakewechat.Options{}))
	defer server.Close()
	check := doctor.Healthcheck{HTTPAddr: strings.TrimPrefix(server.URL, "http://")}
	if err := check.Run(t.Context()); err != nil {
		t.Error(err)
	}
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
