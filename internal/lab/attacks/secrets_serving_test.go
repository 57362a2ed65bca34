package attacks

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// echo is a WeChat whose answers repeat what it was sent, secret or token, each in another way.
type echo struct {
	token string // "" refuses each request for one
	how   string // of the answers to requests for a token
	led   *httptest.Server
}

// echoes are the ways to repeat a text in an answer.
var echoes = map[string]func(w http.ResponseWriter, text, elsewhere string){
	"errmsg": func(w http.ResponseWriter, text, _ string) { fmt.Fprintf(w, `{"errcode":40125,"errmsg":%q}`, text) },
	"wrong type": func(w http.ResponseWriter, text, _ string) {
		fmt.Fprintf(w, `{"errcode":%q,"access_token":[%q]}`, text, text)
	},
	"escaped": func(w http.ResponseWriter, text, _ string) {
		fmt.Fprintf(w, `{"errcode":-1,"errmsg":%q}`, url.QueryEscape(text))
	},
	"page":   func(w http.ResponseWriter, text, _ string) { http.Error(w, "<html>"+text, http.StatusBadGateway) },
	"fine":   func(w http.ResponseWriter, text, _ string) { fmt.Fprintf(w, `{"errcode":0,"errmsg":%q}`, text) },
	"cut":    func(w http.ResponseWriter, text, _ string) { fmt.Fprintf(w, `{"errcode":40001,"errmsg":"%s`, text) },
	"header": func(w http.ResponseWriter, text, _ string) { w.Header().Set("X-Said", text); w.WriteHeader(599) },
	"redirect": func(w http.ResponseWriter, text, elsewhere string) {
		w.Header().Set("Location", elsewhere+"?"+url.QueryEscape(text))
		w.WriteHeader(http.StatusTemporaryRedirect)
	},
	"no HTTP": func(w http.ResponseWriter, text, _ string) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 %s\r\n%s\r\n\r\n", text, text)
			c.Close()
		}
	},
	"endless": func(w http.ResponseWriter, text, _ string) {
		for range 1 << 20 {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
	},
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.HasSuffix(r.URL.Path, "stable_token") {
		if e.token != "" {
			fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, e.token)
			return
		}
		echoes[e.how](w, strings.ReplaceAll(string(body), `"`, " "), e.led.URL)
		return
	}
	for how, answer := range echoes { // a message's first value says which
		if strings.Contains(string(body), `"echo `+how+`"`) {
			answer(w, r.URL.Query().Get("access_token"), e.led.URL)
		}
	}
}

// startEcho runs one. Nobody may follow where it leads to.
func startEcho(t *testing.T, token, how string) (url string) {
	t.Helper()
	led := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed: %s %s", r.Method, r.URL.Path)
	}))
	t.Cleanup(led.Close)
	server := httptest.NewServer(&echo{token, how, led})
	t.Cleanup(server.Close)
	return server.URL
}

// secretSettings are secrets at all places where a process finds some, which aren't used, or are wrong.
func secretSettings(wechat string) []string {
	closed := "http://" + half + ":" + other + "@127.0.0.1:1"
	return []string{"SUBMSG_WECHAT_URL=" + wechat, "SUBMSG_WECHAT_APPID=wx0123456789abcdef",
		"SUBMSG_WECHAT_SECRET=" + canary, "SUBMSG_LOG_LEVEL=debug", "SUBMSG_HTTP_ADDR=127.0.0.1:0",
		"PGPASSWORD=" + canary, "PGSSLPASSWORD=" + canary, "HTTPS_PROXY=" + closed, "HTTP_PROXY=" + closed,
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + closed + "/" + canary,
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer " + half + other, "OTEL_BSP_SCHEDULE_DELAY=50"}
}

// Whatever WeChat answers, and whatever it repeats of what it was sent: the secret and the token are in no output, no
// row, no answer over HTTP and no metric.
func TestSecretsWhileServing(t *testing.T) {
	t.Parallel()
	wechat := startEcho(t, canary, "")
	database := pgtest.DB(t)
	d := startDaemon(t, 0, append(secretSettings(wechat), "DATABASE_URL="+database), "serve")
	d.finds("msg=serving")
	addr := d.finds(`http://(\S+)/healthz answers`)
	conn := pgtest.Connect(t, database)
	for how := range echoes {
		if _, err := conn.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId, parameterArr)
			VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatus', ARRAY['echo ' || $1, '1', 'b', 'c'])`, how); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, how+" has come to something", func() bool {
			var moved bool
			err := conn.QueryRow(t.Context(), `SELECT sendStatus NOT IN ('wait', 'sending') OR coalesce(sendStatusMsg, '') <> ''
				OR EXISTS (SELECT FROM subMsgPause) FROM subMsgList WHERE parameterArr[1] = 'echo ' || $1`, how).Scan(&moved)
			if err != nil {
				t.Fatal(err)
			}
			return moved
		})
		for _, page := range []string{"/healthz", "/readyz", "/metrics"} {
			_, body := askAs(t, "GET", addr, page, addr)
			tells(t, how+": "+page, body)
		}
		tells(t, how+": a row", rowsOf(t, conn))
		// The next one is to be sent, too.
		if _, err := conn.Exec(t.Context(), `DELETE FROM subMsgPause`); err != nil {
			t.Fatal(err)
		}
	}
	d.finds("traces: ") // of a collector that is away
	d.stop()
	tells(t, "the log", d.printed())
}

// rowsOf is the text of all rows of all tables and views of submsg's schema, as far as they can be read.
func rowsOf(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT oid::regclass::text FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) < 8 {
		t.Fatalf("%q %v", names, err)
	}
	var all strings.Builder
	for _, name := range names { // which regclass has quoted
		var text string
		err := conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(r::text, ' '), '') FROM `+name+` AS r`).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %s\n", name, text)
	}
	return all.String()
}

// What asks for a token, and gets an answer with the AppSecret in it, or can't get there at all.
func TestSecretsOfTokens(t *testing.T) {
	t.Parallel()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	ways := map[string]string{"a foreign certificate": tls.URL, "nobody": "http://127.0.0.1:1",
		"a proxy that is away": "https://wechat.invalid"}
	for how := range echoes {
		ways[how] = startEcho(t, "", how)
	}
	for way, at := range ways {
		for _, args := range [][]string{{"doctor", "--skip=account"}, {"doctor", "--json"},
			{"templates", "check", "--remote"}} {
			d := startDaemon(t, 0, append(secretSettings(at), "DATABASE_URL=postgres://u@127.0.0.1:1/d"), args...)
			if code := d.exit(); code == 0 {
				t.Errorf("%s: submsg %q is content", way, args)
			}
			tells(t, fmt.Sprintf("%s: submsg %q", way, args), d.printed())
		}
	}
}

// A link in the folder of templates shows nothing of a file that the folder's owner may not read.
func TestLinksOfTemplates(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	for n, content := range []string{canary + ": x", "id: " + canary, "- " + canary, "a: \"" + canary + `\q"`,
		"%YAML " + canary, "!<" + canary + "> x", "*" + canary, "id: {" + canary,
		canary + ":" + canary + ":19000:0:99999:7:::\n", "name: n\nid: i\nparams: [a]\ndata: {" + canary + ": x}"} {
		name := fmt.Sprintf("%d.yaml", n)
		if err := os.WriteFile(filepath.Join(outside, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, to := range []string{filepath.Join(outside, name), "../" + filepath.Base(outside) + "/" + name,
			"folder/" + name} {
			inside := filepath.Join(filepath.Dir(outside), fmt.Sprintf("inside%d-%d", n, i))
			err := errors.Join(os.Mkdir(inside, 0o700), os.Symlink(outside, filepath.Join(inside, "folder")),
				os.Symlink(to, filepath.Join(inside, "t.yaml")))
			if err != nil {
				t.Fatal(err)
			}
			d := startDaemon(t, 0, []string{"SUBMSG_TEMPLATES=" + inside}, "templates", "check")
			if code := d.exit(); code == 0 || !strings.Contains(d.printed(), "t.yaml: can't be read") {
				t.Errorf("%q linked to %s: exit code %d: %s", content, to, code, d.printed())
			}
			tells(t, fmt.Sprintf("%q linked to %s", content, to), d.printed())
		}
	}
}
