package attacks

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

const insertOne = `INSERT INTO subMsgList (openid, templateId, parameterArr)
	VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatus', ARRAY['a', '1', 'b', 'c']) RETURNING id`

// sends fails unless a message that is inserted now goes out.
func sends(t *testing.T, database string) {
	t.Helper()
	conn := pgtest.Connect(t, database)
	var id int64
	if err := conn.QueryRow(t.Context(), insertOne).Scan(&id); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "a message goes out", func() bool { return statusOf(t, conn, id) == "success" })
}

func statusOf(t *testing.T, conn *pgx.Conn, id int64) (status string) {
	t.Helper()
	err := conn.QueryRow(t.Context(), `SELECT sendStatus FROM subMsgList WHERE id = $1`, id).Scan(&status)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// Whoever opens more connections than there are file descriptors stops neither the sending nor the answers to a probe,
// whatever his connections say.
func TestConnectionsOfStrangers(t *testing.T) {
	t.Parallel()
	const descriptors, connections = 256, 500
	_, wechat := startFake(t, descriptors)
	database := pgtest.DB(t)
	serve, addr := startServe(t, descriptors, database, "http://"+wechat)
	for what, says := range map[string]string{
		"silent":             "",
		"half a header":      "GET /healthz HTTP/1.1\r\nHost: ",
		"idle after a page":  "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"half a body":        "POST /_fake/grants HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
		"many pages at once": strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 100),
	} {
		holdOpen(t, addr, connections, says)
		holdOpen(t, wechat, connections, says)
		for range 5 {
			if status, body := askAs(t, "GET", addr, "/healthz", addr); status != http.StatusOK {
				t.Errorf("%s: /healthz: %d %s", what, status, body)
			}
			if status, body := askAs(t, "GET", wechat, "/_fake/stats", wechat); status != http.StatusOK {
				t.Errorf("%s: the fake: %d %s", what, status, body)
			}
		}
		sends(t, database)
	}
	if said := serve.printed(); strings.Count(said, "there are ") > 3 || strings.Contains(said, "too many open files") {
		t.Error("the log tells of strangers too often, or descriptors were missing")
	}
}

// A page whose name points to this machine (DNS rebinding) reads nothing, and changes nothing.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	_, wechat := startFake(t, 0, "--hosts=fakewechat")
	_, addr := startServe(t, 0, pgtest.DB(t), "http://"+wechat, "SUBMSG_HTTP_HOSTS=submsg.internal,submsg")
	for at, pages := range map[string][]string{
		addr:   {"GET /healthz", "GET /readyz", "GET /metrics", "GET /nosuch"},
		wechat: {"GET /_fake/stats", "GET /_fake/sent", "DELETE /_fake/faults", "POST /cgi-bin/stable_token"},
	} {
		own := map[string]string{addr: "submsg.internal", wechat: "fakewechat"}[at]
		_, port, _ := net.SplitHostPort(at)
		for _, page := range pages {
			method, path, _ := strings.Cut(page, " ")
			for _, host := range []string{"attacker.example", "attacker.example:" + port, "127.0.0.1.attacker.example",
				"localhost.attacker.example:" + port, "x"} {
				if status, body := askAs(t, method, at, path, host); status != http.StatusMisdirectedRequest ||
					strings.Contains(body, host) {
					t.Errorf("%s as %s: %d %s", page, host, status, body)
				}
			}
			for _, host := range []string{at, "localhost:" + port, "[::1]:" + port, "10.0.0.7", own, own + ":" + port} {
				if status, _ := askAs(t, method, at, path, host); status == http.StatusMisdirectedRequest {
					t.Errorf("%s as %s: %d", page, host, status)
				}
			}
		}
	}
}

// Other sites' pages change nothing at the fake: a browser sends simple requests to wherever they say.
func TestPagesOfOtherSites(t *testing.T) {
	t.Parallel()
	_, wechat := startFake(t, 0)
	for _, header := range []string{"Origin: https://attacker.example", "Origin: null", "Origin: http://localhost:1",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		for _, request := range []string{"POST /_fake/grants", "POST /_fake/faults", "DELETE /_fake/faults",
			"POST /_fake/tokens", "POST /_fake/quota", "POST /cgi-bin/message/subscribe/send", "PUT /whatever"} {
			method, path, _ := strings.Cut(request, " ")
			if status, _ := askAs(t, method, wechat, path, wechat, header); status != http.StatusForbidden {
				t.Errorf("%s with %s: %d", request, header, status)
			}
		}
	}
	for _, header := range []string{"Origin: http://" + wechat, "Sec-Fetch-Site: same-origin", "Accept: */*"} {
		if status, body := askAs(t, "DELETE", wechat, "/_fake/faults", wechat, header); status != http.StatusOK {
			t.Errorf("with %s: %d %s", header, status, body)
		}
	}
}

// ownAddress is an address of this machine that others reach it by, "" where there is none.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	return ""
}

// Strangers learn from /readyz that something is wrong, and no name of a host, a login or a database. Who is on this
// machine, and the log, once, learn all.
func TestReadyTellsStrangersLittle(t *testing.T) {
	t.Parallel()
	_, wechat := startFake(t, 0)
	database := pgtest.DB(t)
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(at.Path, "/")
	serve, addr := startServe(t, 0, database, "http://"+wechat, "SUBMSG_HTTP_ADDR=0.0.0.0:0")
	_, port, _ := net.SplitHostPort(addr)
	local := "127.0.0.1:" + port

	admin := pgtest.Connect(t, beside(t, database, "postgres"))
	quoted := pgx.Identifier{name}.Sanitize()
	close := fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS false; SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity WHERE datname = '%s'`, quoted, name)
	if _, err := admin.Exec(t.Context(), close); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // so that it can be dropped
		_, _ = admin.Exec(context.WithoutCancel(t.Context()), `ALTER DATABASE `+quoted+` ALLOW_CONNECTIONS true`)
	})
	waitUntil(t, "it isn't ready", func() bool {
		status, body := askAs(t, "GET", local, "/readyz", "localhost")
		return status == http.StatusServiceUnavailable && strings.Contains(body, name)
	})
	strangers := map[string][]string{
		local: {"X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7", "Via: 1.1 x"},
	}
	if own := ownAddress(t); own != "" {
		strangers[net.JoinHostPort(own, port)] = []string{"Accept: */*"}
	}
	for at, headers := range strangers {
		for _, header := range headers {
			status, body := askAs(t, "GET", at, "/readyz", "localhost", header)
			if status != http.StatusServiceUnavailable || !strings.Contains(body, `"check":"database","ok":false`) {
				t.Errorf("%s, %s: %d %s", at, header, status, body)
			}
			for _, told := range []string{name, "says", "failed", "127.0.0.1", "SQLSTATE", "postgres"} {
				if strings.Contains(body, told) {
					t.Errorf("%s, %s: a stranger reads %s: %s", at, header, told, body)
				}
			}
		}
	}
	if said := serve.printed(); strings.Count(said, "not ready, database: ") != 1 {
		t.Errorf("the log says %d times why", strings.Count(said, "not ready, database: "))
	}
}

// wechatCommands are those that call WeChat, with the arguments that make them do so.
func wechatCommands(t *testing.T) (all [][]string) {
	t.Helper()
	for _, leaf := range commandLeaves(t) {
		if leaf.flag("wechat-url") == nil {
			continue
		}
		args := leaf.args
		if leaf.flag("remote") != nil {
			args = append(args, "--remote")
		}
		all = append(all, args)
	}
	if len(all) < 4 {
		t.Fatalf("only %q call WeChat", all)
	}
	return all
}

// The AppSecret crosses no network in plain text, unless somebody says that it may; and then it isn't shown to a proxy.
// Neither is a proxy asked whether serve is alive.
func TestHTTPToAnotherMachine(t *testing.T) {
	t.Parallel()
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		proxied.Add(1)
		http.Error(w, "no", http.StatusBadGateway)
	}))
	defer proxy.Close()
	env := []string{"DATABASE_URL=" + pgtest.DB(t), "SUBMSG_WECHAT_APPID=wx0123456789abcdef",
		"SUBMSG_WECHAT_SECRET=" + canary, "HTTP_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL,
		"SUBMSG_HTTP_ADDR=127.0.0.1:0"}
	const refusal = "the WeChat URL is http:// to another machine"
	for _, args := range wechatCommands(t) {
		for _, url := range []string{"http://wechat.invalid", "http://198.51.100.7:80/x", "http://[2001:db8::1]",
			"HTTP://127.0.0.1.wechat.invalid", "http://localhost.wechat.invalid"} {
			d := startDaemon(t, 0, append(env, "SUBMSG_WECHAT_URL="+url), args...)
			if code := d.exit(); code == command.ExitOK || !strings.Contains(d.printed(), refusal) {
				t.Errorf("submsg %q with %s: exit code %d", args, url, code)
			}
		}
		d := startDaemon(t, 0, append(env, "SUBMSG_WECHAT_URL=http://wechat.invalid", "SUBMSG_WECHAT_ALLOW_HTTP=true"),
			args...)
		if args[0] == "serve" {
			d.finds("no new access token")
			d.stop()
		}
		if d.exit(); strings.Contains(d.printed(), refusal) || strings.Contains(d.printed(), canary) {
			t.Errorf("submsg %q, where it is allowed: %s", args, d.printed())
		}
	}
	startDaemon(t, 0, append(env, "SUBMSG_HTTP_ADDR=submsg.invalid:8787"), "healthcheck").exit()
	if n := proxied.Load(); n > 0 {
		t.Errorf("a proxy has seen %d requests", n)
	}
}

// leaf is a command of the tree that has no further ones below it, with arguments that it can be run with.
type leaf struct {
	*kong.Node
	args []string
}

func (l leaf) flag(name string) *kong.Flag {
	for _, group := range l.AllFlags(false) {
		for _, flag := range group {
			if flag.Name == name {
				return flag
			}
		}
	}
	return nil
}

// commandLeaves walks the tree of commands.
func commandLeaves(t *testing.T) (all []leaf) {
	t.Helper()
	for _, node := range command.Parser(new(command.Commands)).Model.Leaves(false) {
		l := leaf{Node: node, args: strings.Fields(node.Path())}
		for i, word := range l.args { // a path names positional arguments, too
			if strings.ContainsAny(word, "<[") {
				l.args = l.args[:i]
				break
			}
		}
		for _, group := range node.AllFlags(false) {
			for _, flag := range group {
				if flag.Required {
					l.args = append(l.args, "--"+flag.Name+"=1")
				}
			}
		}
		for _, argument := range node.Positional {
			if argument.Required {
				l.args = append(l.args, "1")
			}
		}
		all = append(all, l)
	}
	if len(all) < 20 {
		t.Fatalf("only %d commands", len(all))
	}
	return all
}
