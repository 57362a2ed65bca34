package settings

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sentences are all that ParseURL may say.
func sentences() []string {
	all := []string{errStranded.Error(), errKeyword.Error(), errUnread.Error()}
	for _, m := range mistakes {
		all = append(all, m.says.Error())
	}
	for _, name := range parameters {
		all = append(all, badParameter(name).Error())
	}
	return all
}

func TestMistakesInURLs(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:pa@ss@host/db":                         "an @ behind the host",
		"postgres://u:pa/ss@host/db":                         "an @ behind the host",
		"postgres://u:p%zz@host/db":                          "not a URL",
		"postgres://u:p@[":                                   "not a URL",
		"postgres://u:p@host:port/db":                        "its port",
		"postgres://u:pass/db":                               "its port",
		"postgres://u:p@a,b,c:1,2/db?port=1,2":               "one port for each host",
		"mysql://u:p@host/db":                                "neither a URL",
		"Postgres://u:p=q@host/db":                           "a keyword is none",
		" postgres://u:p=q@host/db":                          "a keyword is none",
		"host=db password=two words":                         "neither a URL",
		"host=db password=two words=x y=1":                   "",
		"host=db PASSWORD=x":                                 "a keyword is none",
		"host=db password='open":                             "neither a URL",
		"host=db service=nosuch":                             "its service",
		"host=db sslmode=verify-full sslrootcert=/nosuch":    "its TLS settings",
		"host=db sslmode=nosuch":                             "its TLS settings",
		"host=db pool_max_conns=many":                        "its pool_max_conns has",
		"host=db pool_max_conn_lifetime_jitter=many":         "its pool_max_conn_lifetime_jitter has",
		"host=db connect_timeout=soon":                       "its connect_timeout has",
		"host=db target_session_attrs=x":                     "its target_session_attrs has",
		"host=db min_protocol_version=x":                     "its min_protocol_version has",
		"host=db default_query_exec_mode=x":                  "its default_query_exec_mode has",
		"host=db TimeZone=UTC application_name=x my.param=1": "",
		"host = db password = 'a b' user = u":                "",
	} {
		_, err := ParseURL(url)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// What can't be parsed is told in sentences that hold nothing of it.
func FuzzParseURL(f *testing.F) {
	for _, dsn := range []string{"postgres://u:p@ss@h/d", "postgres://u:%zz@h/d", "password = x", "PASSWORD=x",
		"password='a b", "host=a port=x", "sslpassword=x sslkey=y sslcert=z", "service=x servicefile=y", "passfile=x"} {
		f.Add(dsn)
	}
	all := sentences()
	f.Fuzz(func(t *testing.T, dsn string) {
		if _, err := ParseURL(dsn); err != nil && !slices.Contains(all, err.Error()) {
			t.Errorf("%q: %v", dsn, err)
		}
		if _, err := (Listen{ListenURL: dsn}).WakeURL(Database{}); err != nil && dsn != "" &&
			!slices.Contains(all, strings.TrimPrefix(err.Error(), "SUBMSG_LISTEN_URL: ")) {
			t.Errorf("%q: %v", dsn, err)
		}
	})
}

// forms are the ways to write a password; each makes a DSN that is right.
var forms = []func(dir, secret string) string{
	func(_, secret string) string { return "postgres://u:" + url.QueryEscape(secret) + "@h:5/d" },
	func(_, secret string) string { return "postgres://u@h/d?password=" + url.QueryEscape(secret) },
	func(_, secret string) string { return "postgresql://h/d?sslpassword=" + url.QueryEscape(secret) },
	func(_, secret string) string { return "host=h password=" + quoted(secret) },
	func(_, secret string) string { return "password = " + quoted(secret) + "\tuser = u host\n= h" },
	func(_, secret string) string { return "host=h sslpassword=" + quoted(secret) },
	func(dir, secret string) string {
		return "host=h user=u passfile=" + quoted(written(dir, "pass", "*:*:*:*:"+secret+"\n"))
	},
	func(dir, secret string) string {
		return "service=s servicefile=" + quoted(written(dir, "service", "[s]\nhost=h\npassword="+secret+"\n"))
	},
}

func quoted(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

func written(dir, name, content string) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		panic(err)
	}
	return path
}

// Whatever the password is, and however it is written, neither what can't be parsed nor what can't connect tells it.
func FuzzSecretInURL(f *testing.F) {
	for _, secret := range []string{"two words", "it's", `back\slash`, "a=b c=d", "p@ss/w:rd?#%", "密码密码密码", "\xff\xfe\xfd"} {
		f.Add(secret, 7)
	}
	f.Fuzz(func(t *testing.T, secret string, cut int) {
		if secret == "" || strings.Contains(secret, "\x00") {
			return
		}
		dir := t.TempDir()
		for i, form := range forms {
			dsn := form(dir, secret)
			said := connectWithout(t, dsn)
			// What is said with another secret as well is not from this one.
			if strings.Contains(said, secret) &&
				!strings.Contains(connectWithout(t, form(dir, "another-secret")), secret) {
				t.Errorf("form %d: %q in %q", i, secret, said)
			}
			// Cut off anywhere, as a person copies one.
			if n := min(max(cut, -cut), len(dsn)); n >= 0 {
				if _, err := ParseURL(dsn[:n]); err != nil && !slices.Contains(sentences(), err.Error()) {
					t.Errorf("form %d: %v", i, err)
				}
			}
		}
	})
}

// connectWithout is what is said where nobody is there.
func connectWithout(t *testing.T, dsn string) string {
	cfg, err := ParseURL(dsn)
	if err != nil {
		return err.Error()
	}
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	if _, err = pgx.ConnectConfig(t.Context(), cfg); err == nil {
		t.Fatal("connected to nobody")
	}
	return Schema("").explain(cfg, err).Error() + fmt.Sprintf("%v %+v", err, Database{}.named())
}

// A server repeats a parameter that it doesn't know.
func TestServerRepeatsAParameter(t *testing.T) {
	server, there := net.Pipe()
	defer server.Close()
	go func() {
		defer there.Close()
		size := make([]byte, 4)
		_, _ = there.Read(size)
		_, _ = there.Read(make([]byte, size[3]-4+byte(0)))
		fields := "SFATAL\x00VFATAL\x00C42704\x00Munrecognized configuration parameter \"words\"\x00\x00"
		_, _ = there.Write(append([]byte{'E', 0, 0, 0, byte(len(fields) + 4)}, fields...))
	}()
	cfg, err := ParseURL("host=h user=u sslmode=disable password=two words=x")
	if err != nil {
		t.Fatal(err)
	}
	cfg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) { return server, nil }
	_, err = pgx.ConnectConfig(t.Context(), cfg)
	if pg := new(pgconn.PgError); !errors.As(err, &pg) || pg.Code != "42704" {
		t.Fatalf("the server said %v", err)
	}
	said := Schema("").explain(cfg, err).Error()
	if strings.Contains(said, "words") || !strings.Contains(said, "42704") {
		t.Error(said)
	}
}
