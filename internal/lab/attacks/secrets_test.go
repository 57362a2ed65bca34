package attacks

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// Two halves of a secret. What stands between them is what breaks the form that it is written in, so that either half
// may be taken for something else, which an error would name.
const (
	half, other = "kanari7f3a", "vogel9c4dx"
	canary      = half + "+b=c/" + other
)

var tellingHalf = regexp.MustCompile(`(?i)` + half + `|` + other)

// tells fails where a text holds a half of the secret.
func tells(t *testing.T, what, text string) {
	t.Helper()
	if at := tellingHalf.FindStringIndex(text); at != nil {
		t.Errorf("%s tells a secret: …%s…", what, text[max(0, at[0]-150):min(len(text), at[1]+50)])
	}
}

// fileOf writes a file that is not for everybody.
func fileOf(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// databaseURLs hold a secret, each in another form, and lead to nobody or are wrong.
func databaseURLs(t *testing.T) (all []string) {
	for _, form := range []string{
		"postgres://u:1@2@127.0.0.1:1/d", "postgres://u:1/2@127.0.0.1:1/d", "postgres://u:1%zz2@127.0.0.1:1/d",
		"postgres://u:1%zz2@[/d", "postgres://u:1 2@127.0.0.1:port/d", "postgres://u:1?2@127.0.0.1:1/d", "postgres://u:1/2",
		"postgres://u@127.0.0.1:1,127.0.0.1:1/d?password=1%402&port=1,2,3", " postgres://u:1=2@127.0.0.1:1/d",
		"POSTGRES://u:1=2@127.0.0.1:1/d", "mysql://u:12@127.0.0.1:1/d", "postgres://u:1%402@127.0.0.1:1/d",
		"postgres://u:12@127.0.0.1:1/d?connect_timeout=x", "postgres://u:1%402@127.0.0.1:1/d?pool_max_conns=x",
		"host=127.0.0.1 port=1 password = 1 2", "host=127.0.0.1 port=1 PASSWORD=12", "host=127.0.0.1 port=1 Password=1=2",
		"host=127.0.0.1 port=1 password='1 2", "host=127.0.0.1 port=1 password='1 2' sslmode=nosuch",
		"host=127.0.0.1 port=1 password='1 2' default_query_exec_mode=x", "host=127.0.0.1 port=1 password='1 2'",
		"host=127.0.0.1 port=1 sslpassword=12 sslmode=verify-full sslrootcert=/nosuch sslkey=/nosuch sslcert=/nosuch",
		"host=127.0.0.1 port=1 user=u passfile=" + fileOf(t, "*:*:*:*:1 2\n"),
		"service=s servicefile=" + fileOf(t, "[s]\nhost=127.0.0.1\nport=port\npassword=1 2\n"),
		"service=12 servicefile=" + fileOf(t, "[s]\npassword\n1 2\n"),
	} {
		// The digits 1 and 2 at the place of the password stand for the halves.
		all = append(all, secretIn.ReplaceAllStringFunc(form, func(found string) string {
			return strings.NewReplacer("1", half, "2", other).Replace(found)
		}))
	}
	refusing, err := url.Parse(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	refusing.User = url.UserPassword("nobody", half+other)
	return append(all, refusing.String())
}

// secretIn finds 1…2 where it isn't a part of a number.
var secretIn = regexp.MustCompile(`\b1(?:@|/|%zz|%40| |\?|=)?2\b`)

// holding are the settings that can hold a secret, with the values that they get.
func holding(t *testing.T) map[string][]string {
	database := databaseURLs(t)
	wechat := []string{"https://u:" + half + "@" + other + ".invalid", "http://" + half + ":" + other + "@[",
		"https://127.0.0.1:1/?key=" + half, "ftp://" + half + "@127.0.0.1", half + other, "https://127.0.0.1:1/#" + half}
	return map[string][]string{
		"database-url": database, "listen-url": database, "wechat-url": wechat, "fake-url": wechat,
		"wechat-secret": {half + " " + other, half + "\n" + other, canary, half + "密" + other},
		"wechat-secret-file": {fileOf(t, half+"\n"+other), fileOf(t, strings.Repeat(canary, 1000)), fileOf(t, canary),
			fileOf(t, half+"\x00"+other)},
		"secret": {canary},
	}
}

// holdingNone are the other settings that are texts of the environment, or are called as secrets are, and may be told.
var holdingNone = []string{"http-addr", "http-hosts", "addr", "hosts", "schema", "templates", "accounts", "dir",
	"wechat-appid", "dedup-key"}

// telling is in the name of a setting that may hold a secret without being one of the environment.
var telling = regexp.MustCompile(`secret|url|password|token|key`)

// Every setting of every command is known to hold a secret, or to hold none.
func TestSettingsAreKnown(t *testing.T) {
	t.Parallel()
	known := holding(t)
	for _, l := range commandLeaves(t) {
		for _, group := range l.AllFlags(false) {
			for _, flag := range group {
				kind := flag.Target.Kind()
				text := (kind == reflect.String || kind == reflect.Slice) && flag.Enum == ""
				known := known[flag.Name] != nil || slices.Contains(holdingNone, flag.Name)
				if text && !known && (len(flag.Envs) > 0 || telling.MatchString(flag.Name)) {
					t.Errorf("submsg %s --%s: say in this file whether it can hold a secret", l.Path(), flag.Name)
				}
			}
		}
	}
}

// Whatever is wrong with a setting that holds a secret, no command tells a part of it.
func TestSecretsInSettings(t *testing.T) {
	t.Parallel()
	all := holding(t)
	runs := 0
	for n, l := range commandLeaves(t) {
		for name, values := range all {
			if l.flag(name) == nil {
				continue
			}
			for i, value := range values {
				// The commands share what reads a setting, so that each is tried with some of the values only.
				if l.Name != "serve" && len(values) > 5 && (i+n)%6 != 0 {
					continue
				}
				runs++
				runWith(t, l, name, value)
			}
		}
	}
	if runs < 100 {
		t.Errorf("only %d runs", runs)
	}
}

// runWith runs a command with one setting until it ends, or goes on in spite of it.
func runWith(t *testing.T, l leaf, name, value string) {
	t.Helper()
	settings := map[string]string{"database-url": "postgres://u@127.0.0.1:1/d", "wechat-url": "http://127.0.0.1:1",
		"wechat-appid": "wx0123456789abcdef", "wechat-secret": "0123456789abcdef", "http-addr": "off",
		"listen-url": "off", "addr": "127.0.0.1:0", "log-level": "debug"}
	switch name {
	case "wechat-secret-file":
		delete(settings, "wechat-secret")
	case "fake-url":
		delete(settings, "wechat-appid")
	}
	settings[name] = value
	args, env := slices.Clone(l.args), []string{}
	if l.flag("remote") != nil {
		args = append(args, "--remote")
	}
	for name, value := range settings {
		switch flag := l.flag(name); {
		case flag == nil:
		case len(flag.Envs) > 0:
			env = append(env, flag.Envs[0]+"="+value)
		default:
			args = append(args, "--"+name+"="+value)
		}
	}
	d := startDaemon(t, 0, env, args...)
	waitUntil(t, fmt.Sprintf("submsg %q ends or goes on", args), func() bool {
		select {
		case <-d.ended:
			return true
		default:
			return strings.Contains(d.printed(), "trying again") || strings.Contains(d.printed(), "http://")
		}
	})
	d.stop()
	tells(t, fmt.Sprintf("submsg %s with --%s=%s", strings.Join(l.args, " "), name, value), d.printed())
}
