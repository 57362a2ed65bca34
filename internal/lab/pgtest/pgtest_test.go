package pgtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/migrations"
)

func TestMain(m *testing.M) { Main(m) }

// ask runs a query that has one value.
func ask[T any](t *testing.T, url, query string, args ...any) (answer T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func databases(t *testing.T, pattern string) int {
	t.Helper()
	return ask[int](t, Server(t).URL(), "SELECT count(*) FROM pg_database WHERE datname ~ $1", pattern)
}

const insert = `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't1') RETURNING (SELECT count(*) FROM subMsgList)`

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	for range 8 {
		t.Run("Parallel, 中文 \"quoted\"", func(t *testing.T) {
			t.Parallel()
			if before := ask[int](t, DB(t), insert); before != 0 {
				t.Errorf("%d messages of other tests", before)
			}
		})
	}
}

func TestPool(t *testing.T) {
	var pool *pgxpool.Pool
	t.Run("inner", func(t *testing.T) {
		pool = Pool(t)
		if _, err := pool.Exec(t.Context(), insert); err != nil {
			t.Error(err)
		}
	})
	if err := pool.Ping(t.Context()); err == nil {
		t.Error("still open after its test")
	}
}

func TestEmptyHasNoMigrations(t *testing.T) {
	const tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
	if n := ask[int](t, Empty(t), tables); n != 0 {
		t.Errorf("%d relations", n)
	}
}

// What a test finds in each kind of database.
func TestKinds(t *testing.T) {
	const causes = "SELECT count(*) > 20 FROM subMsgCause"
	for name, url := range map[string]string{"orders": DB(t), "plain": DBWithoutOrders(t)} {
		if !ask[bool](t, url, causes) {
			t.Errorf("%s: the causes are not published", name)
		}
		if got := ask[bool](t, url, "SELECT to_regclass('orders') IS NOT NULL"); got != (name == "orders") {
			t.Errorf("%s: there are orders: %t", name, got)
		}
	}
}

// An installation is its login's, who is no superuser, and lies beside a shop's table, of which he makes a rule.
func TestInstallation(t *testing.T) {
	for range 2 {
		url, schema := Installation(t)
		config, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		config.RuntimeParams["search_path"] = quote(schema)
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if err := migrations.Check(t.Context(), conn); err != nil {
			t.Error(err)
		}
		var super bool
		var messages, columns int
		if _, err := conn.Exec(t.Context(), `SELECT submsg_watch('public.orders', 't', 'buyer', '{orderNo,total}', flag => 'notify');
			UPDATE public.orders SET notify = true`); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), `SELECT rolsuper, (SELECT count(*) FROM subMsgList WHERE openid = 'oBUYER' AND parameterArr = '{A-1,12.50}'),
			(SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'openid')
			FROM pg_roles WHERE rolname = current_user`).Scan(&super, &messages, &columns); err != nil {
			t.Fatal(err)
		}
		if super || messages != 1 || columns != 0 {
			t.Errorf("superuser %t, %d messages, %d columns of the example", super, messages, columns)
		}
	}
}

func TestDatabaseGoesWithItsTest(t *testing.T) {
	t.Run("inner", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), DB(t)) // never closed: it goes all the same
		if err != nil {
			t.Fatal(err)
		}
		_ = conn
		if n := databases(t, "^testdatabasegoeswithitstest_inner_"); n != 1 {
			t.Errorf("%d databases during the test", n)
		}
	})
	if n := databases(t, "^testdatabasegoeswithitstest_inner_"); n != 0 {
		t.Errorf("%d databases after the test", n)
	}
}

func TestDatabaseName(t *testing.T) {
	for _, tt := range []struct{ test, want string }{
		{"TestSend", `^testsend_[a-z2-7]{10}$`},
		{"TestSend/a \"b\";--'", `^testsend_a__b______[a-z2-7]{10}$`},
		{"Test/中文", `^test____[a-z2-7]{10}$`},
		{"Test" + strings.Repeat("x", 100), `^testx{48}_[a-z2-7]{10}$`},
	} {
		if got := databaseName(tt.test); !regexp.MustCompile(tt.want).MatchString(got) || len(got) > 63 {
			t.Errorf("databaseName(%q) = %q", tt.test, got)
		}
	}
	if one, two := databaseName("Test"), databaseName("Test"); one == two {
		t.Error("two databases of one name")
	}
}

// TestTemplateIsMadeOnce by several test binaries on one server, after one of them was killed at it.
func TestTemplateIsMadeOnce(t *testing.T) {
	url := Server(t).URL()
	t.Setenv("TEST_DATABASE_URL", url)
	name, err := use(t).templates[withOrders]()
	if err != nil {
		t.Fatal(err)
	}
	if err := use(t).drop(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := use(t).create(t.Context(), name+"_unfinished", "template0"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := newServer()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.close()
			if _, err := s.templates[withOrders](); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := databases(t, "^submsg_template_orders_"); n != 1 {
		t.Errorf("%d templates", n)
	}
	if before := ask[int](t, DB(t), insert); before != 0 {
		t.Error(before)
	}
}

func TestHashFiles(t *testing.T) {
	base := fstest.MapFS{"1.sql": {Data: []byte("a")}, "2.sql": {Data: []byte("b")}}
	seen := map[string]string{}
	for name, files := range map[string]fstest.MapFS{
		"base":          base,
		"other content": {"1.sql": {Data: []byte("a")}, "2.sql": {Data: []byte("c")}},
		"other name":    {"1.sql": {Data: []byte("a")}, "3.sql": {Data: []byte("b")}},
		"one less":      {"1.sql": {Data: []byte("a")}},
		"other border":  {"1.sql": {Data: []byte("")}, "2.sql": {Data: []byte("ab")}},
	} {
		hash, err := hashFiles(files)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[hash]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[hash] = name
	}
	if again, _ := hashFiles(base); seen[again] != "base" {
		t.Error("the hash is not stable")
	}
}

func TestForeignServerErrors(t *testing.T) {
	server := Server(t)
	if _, err := use(t).admin.Exec(t.Context(), "CREATE ROLE meek LOGIN"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, url, want string }{
		{"no CREATEDB", strings.Replace(server.URL(), "postgres@", "meek@", 1), `role "meek" of TEST_DATABASE_URL may not create databases: ALTER ROLE "meek" CREATEDB`},
		{"not a URL", "host=localhost dbname=x", "want a URL like postgres://"},
		{"nobody there", "postgres://postgres@127.0.0.1:1/postgres", "connect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TEST_DATABASE_URL", tt.url)
			if _, err := newServer(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// envChild makes TestChild do something that must not happen in this process.
const envChild = "PGTEST_TEST_CHILD"

func TestChild(t *testing.T) {
	switch os.Getenv(envChild) {
	case "fail":
		t.Errorf("has %s", DB(t))
	case "server":
		Server(t)
	case "panic":
		t.Logf("has %s", DB(t))
		panic("on purpose")
	}
}

var childURL = regexp.MustCompile(`has (postgres://\S+)`)

// runChild runs TestChild in another process, which fails, and returns what it prints and the URL of its database.
func runChild(t *testing.T, what string, env ...string) (out, url string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(append(os.Environ(), envChild+"="+what), env...)
	content, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the child passed: %s", content)
	}
	if m := childURL.FindSubmatch(content); m != nil {
		url = string(m[1])
	}
	return string(content), url
}

func TestOnAForeignServer(t *testing.T) {
	foreign := "TEST_DATABASE_URL=" + Server(t).URL()
	t.Run("a failed test's database goes", func(t *testing.T) {
		t.Parallel()
		if _, url := runChild(t, "fail", foreign); url == "" || connects(t, url) {
			t.Errorf("%q is still there", url)
		}
	})
	t.Run("unless it is to be kept", func(t *testing.T) {
		t.Parallel()
		out, url := runChild(t, "fail", foreign, "SUBMSG_KEEP_DB=1")
		if !strings.Contains(out, "database kept: "+url) || !connects(t, url) {
			t.Errorf("%q is not there: %s", url, out)
		}
	})
	t.Run("no test gets hold of the server", func(t *testing.T) {
		t.Parallel()
		if out, _ := runChild(t, "server", foreign); !strings.Contains(out, "unset TEST_DATABASE_URL") {
			t.Error(out)
		}
	})
}

func connects(t *testing.T, url string) bool {
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return false
	}
	conn.Close(t.Context())
	return true
}

func TestServerGoesWithItsBinary(t *testing.T) {
	for _, end := range []string{"fail", "panic"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			out, url := runChild(t, end, "TEST_DATABASE_URL=")
			config, err := pgx.ParseConfig(url)
			if err != nil || url == "" {
				t.Fatalf("%v: %s", err, out)
			}
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				if _, err := os.Stat(config.Host); os.IsNotExist(err) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s is still there", config.Host)
				}
			}
		})
	}
}
