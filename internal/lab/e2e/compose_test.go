package e2e

import (
	"io"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/internal/cli/doctor"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
)

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

const (
	forFake   = "docker-compose.yml"
	forWeChat = "docker-compose.wechat.yml"
)

var reference = regexp.MustCompile(`\$\{(\w+):([-?])([^}]*)\}`)

// compose reads docker-compose.yml, and what the other file changes of it, with these variables set. It returns those
// that are demanded, and not set.
func compose(t *testing.T, set map[string]string, files ...string) (all map[string]composeService, demanded []string) {
	t.Helper()
	for _, name := range files {
		var file struct {
			Services map[string]composeService
			Volumes  map[string]any
		}
		text := reference.ReplaceAllStringFunc(repoFile(t, name), func(ref string) string {
			part := reference.FindStringSubmatch(ref)
			if value := set[part[1]]; value != "" {
				return value
			}
			if part[2] == "?" {
				demanded = append(demanded, part[1])
			}
			return part[3]
		})
		if i := strings.Index(text, "${"); i >= 0 {
			t.Fatalf("a variable without a default: %.30q", text[i:])
		}
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatal(yaml.FormatError(err, false, true))
		}
		if all == nil {
			all = file.Services
			checkVolumes(t, all, file.Volumes)
			continue
		}
		for service, change := range file.Services { // an environment is all that it changes
			maps.Copy(all[service].Environment, change.Environment)
		}
	}
	slices.Sort(demanded)
	return all, slices.Compact(demanded)
}

// checkVolumes wants each volume to be one of the file's, or a file of ours.
func checkVolumes(t *testing.T, services map[string]composeService, volumes map[string]any) {
	t.Helper()
	for name, s := range services {
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if path, ok := strings.CutPrefix(from, "./"); ok {
				repoFile(t, path)
			} else if _, ok := volumes[from]; !ok {
				t.Errorf("%s: no volume %s", name, from)
			}
		}
	}
}

func TestCompose(t *testing.T) {
	services, demanded := compose(t, nil, forFake)
	if demanded != nil {
		t.Errorf("to try it one has to set %q", demanded)
	}
	for _, name := range []string{"postgres", "fakewechat", "migrate", "submsg"} {
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
				ends := other == "migrate" && wait.Condition == "service_completed_successfully"
				if !ends && (wait.Condition != "service_healthy" || len(services[other].Healthcheck.Test) == 0) {
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
	if !slices.Contains(services["postgres"].Volumes, "data:/var/lib/postgresql") {
		t.Errorf("postgres has the volumes %q; its image keeps the data elsewhere", services["postgres"].Volumes)
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

// account is what a composed serve sends to.
func account(t *testing.T, services map[string]composeService) (address, appID string, secret wechat.Secret) {
	t.Helper()
	services["submsg"].in(t)
	c, _ := mustParse(t, services["submsg"].Command...)
	log := logrus.New()
	log.SetOutput(io.Discard)
	a, err := c.Serve.Account(logrus.NewEntry(log))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Serve.URL(); err != nil || c.Serve.Migrate {
		t.Errorf("database %v; it migrates: %t", err, c.Serve.Migrate)
	}
	return a.URL, a.AppID, a.Secret
}

// Without the other file it sends to the fake, whatever is set.
func TestComposeFake(t *testing.T) {
	set := map[string]string{"SUBMSG_WECHAT_APPID": "wx1", "SUBMSG_WECHAT_SECRET": "s1"}
	services, _ := compose(t, set, forFake)
	address, appID, secret := account(t, services)
	if address != "http://fakewechat:8788" || appID != fakewechat.DefaultAppID || secret != fakewechat.DefaultSecret {
		t.Errorf("it sends to %s as %s", address, appID)
	}
}

// With it there is no password that everybody knows: each must be set, as the account must.
func TestComposeWeChat(t *testing.T) {
	want := []string{"POSTGRES_PASSWORD", "SUBMSG_OWNER_PASSWORD", "SUBMSG_SERVE_PASSWORD", "SUBMSG_WECHAT_APPID",
		"SUBMSG_WECHAT_SECRET"}
	set := map[string]string{}
	for _, name := range want {
		_, demanded := compose(t, set, forFake, forWeChat)
		if !slices.Contains(demanded, name) {
			t.Errorf("it starts without %s", name)
		}
		set[name] = "own " + name
	}
	services, demanded := compose(t, set, forFake, forWeChat)
	if demanded != nil {
		t.Errorf("it also demands %q", demanded)
	}
	for name, s := range services {
		for variable, value := range s.Environment {
			if strings.Contains(variable, "PASSWORD") && !strings.HasPrefix(value, "own ") {
				t.Errorf("%s has the %s of everybody", name, variable)
			}
		}
	}
	address, appID, secret := account(t, services)
	if address != "https://api.weixin.qq.com" || appID != set["SUBMSG_WECHAT_APPID"] ||
		string(secret) != set["SUBMSG_WECHAT_SECRET"] {
		t.Errorf("it sends to %s as %s", address, appID)
	}
}

// The fake's health check is ours: it asks for /healthz, and any answer shows that the fake listens.
func TestComposeFakeIsHealthy(t *testing.T) {
	services, _ := compose(t, nil, forFake)
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

// What compose does, one after the other, on a server of its own: the image of Postgres runs the script, the owner
// migrates, serve sends. Neither is a superuser, and nothing is left to do.
func TestComposeLogins(t *testing.T) {
	t.Parallel()
	psqlPath := findPsql(t)
	if psqlPath == "" {
		t.Skip("no psql")
	}
	server, err := pgembed.Start(t.Context(), pgembed.Config{Test: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	odd := map[string]string{"SUBMSG_OWNER_PASSWORD": `o'$ p`, "SUBMSG_SERVE_PASSWORD": "s'$ p"}
	services, _ := compose(t, odd, forFake)
	script := exec.CommandContext(t.Context(), psqlPath, "-X", "-v", "ON_ERROR_STOP=1", "-d", server.URL())
	script.Env = bareEnv()
	for name, value := range services["postgres"].Environment {
		script.Env = append(script.Env, name+"="+value)
	}
	script.Stdin = strings.NewReader(repoFile(t, "internal/serve/deploy/compose.sql"))
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	as := func(service string) []string {
		there, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		composed, err := url.Parse(services[service].Environment["DATABASE_URL"])
		if err != nil {
			t.Fatal(err)
		}
		there.User = url.User(composed.User.Username())
		return []string{"DATABASE_URL=" + there.String(), "PGPASSWORD=" + services[service].Environment["PGPASSWORD"]}
	}
	done := func(service string, args ...string) string {
		t.Helper()
		p := start(t, as(service), args...)
		if code := p.exit(); code != command.ExitOK {
			t.Errorf("%s, submsg %q: exit code %d: %s%s", service, args, code, p.out.String(), p.err.String())
		}
		return p.out.String()
	}
	done("migrate", services["migrate"].Command...)
	done("migrate", services["migrate"].Command...) // as at the next start
	done("migrate", "roles", "--check")
	out := done("submsg", "doctor", "--skip=autovacuum")
	for _, line := range []string{"ok      foreign ", "ok      login          submsg_serve has what serve needs"} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	super := psql(t, server.URL(), `SELECT string_agg(rolname, ' ') FROM pg_roles
		WHERE rolname ~ '^submsg' AND (rolsuper OR rolcreaterole OR rolcreatedb);`+"\n")
	if super = strings.TrimSpace(super); super != "" {
		t.Errorf("%s can do more than needed", super)
	}
	fake := httptest.NewServer(fakewechat.New(fakewechat.Options{GrantAll: true}))
	defer fake.Close()
	serve := start(t, append(as("submsg"), "SUBMSG_FAKE_URL="+fake.URL, "SUBMSG_HTTP_ADDR=off"),
		services["submsg"].Command...)
	psql(t, server.URL(), `INSERT INTO subMsgList (openid, templateId, parameterArr)
		VALUES ('`+person(1)+`', 'orderStatus', '{a,1,b,c}');`+"\n")
	eventually(t, "the message is sent", func() bool {
		return strings.TrimSpace(psql(t, server.URL(), "SELECT sendStatus FROM subMsgList;\n")) == "success"
	})
	serve.finish()
	if code := serve.exit(); code != command.ExitOK {
		t.Errorf("serve: exit code %d: %s", code, serve.err.String())
	}
}
