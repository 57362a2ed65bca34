package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// The two shipped templates, by id; both may also be called by name.
const (
	orderStatusID   = "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc"
	vipPaySuccessID = "AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw"
)

// world is a database and a fake WeChat, each a process that the test can talk to.
type world struct {
	t      *testing.T
	db     string // where psql and the pool find submsg's tables without naming a schema
	pool   *pgxpool.Pool
	where  []string // what tells submsg where they are, if it isn't db that does
	fake   *process
	url    string // of the fake
	secret string
}

// newWorld starts a fake with these flags, beside a database in which submsg lives as it does beside a shop: in a
// schema of its own, whose owner is no superuser and has it not on its search_path. In public stands the shop's own
// table orders.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	db, schema := pgtest.Installation(t)
	path := strings.NewReplacer("+", "%20").Replace(url.QueryEscape(
		`-c search_path="` + strings.ReplaceAll(schema, " ", `\ `) + `",public`))
	where := []string{"DATABASE_URL=" + db, "SUBMSG_SCHEMA=" + schema}
	return newWorldOf(t, &world{db: db + "&options=" + path, where: where}, flags...)
}

// newWorldWithOrders is newWorld with the example orders, as a superuser, and with everything in the schema public.
func newWorldWithOrders(t *testing.T, flags ...string) *world {
	t.Helper()
	return newWorldAt(t, pgtest.DB(t), flags...)
}

// newWorldAt is newWorld at a database that the test has.
func newWorldAt(t *testing.T, db string, flags ...string) *world {
	t.Helper()
	return newWorldOf(t, &world{db: db}, flags...)
}

func newWorldOf(t *testing.T, w *world, flags ...string) *world {
	t.Helper()
	w.t, w.secret = t, secretMark+rand.Text()
	w.connect()
	w.fake = start(t, nil, append([]string{"fakewechat", "--addr=127.0.0.1:0", "--secret=" + w.secret}, flags...)...)
	w.url = w.fake.match(&w.fake.out, `^(http://\S+)\n`)[1]
	w.plant()
	return w
}

func (w *world) connect() {
	w.t.Helper()
	pool, err := pgxpool.New(w.t.Context(), w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(pool.Close)
	w.pool = pool
}

// plant asks for the token that submsg will get too, so that it can be looked for in what is printed.
func (w *world) plant() {
	w.t.Helper()
	var got struct {
		Token string `json:"access_token"`
	}
	w.post("/cgi-bin/stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, fakewechat.DefaultAppID, w.secret), &got)
	if len(got.Token) < 128 {
		w.t.Fatalf("no token: %+v", got)
	}
	planted.Store(got.Token[:40], "the access token")
}

// settings are the environment that serve needs, followed by env, which may override.
func (w *world) settings(env ...string) []string {
	usual := []string{"DATABASE_URL=" + w.db, "SUBMSG_WECHAT_APPID=" + fakewechat.DefaultAppID,
		"SUBMSG_WECHAT_SECRET=" + w.secret, "SUBMSG_WECHAT_URL=" + w.url, "SUBMSG_HTTP_ADDR=off",
		"SUBMSG_TEMPLATE_WAIT=500ms"}
	return slices.Concat(usual, w.where, env)
}

// serve starts a serve and waits until it does so.
func (w *world) serve(env ...string) *process {
	w.t.Helper()
	p := start(w.t, w.settings(env...), "serve")
	p.says(`msg=serving`)
	return p
}

// run runs a command to its end.
func (w *world) run(args ...string) (code int, out, err string) {
	w.t.Helper()
	p := start(w.t, w.settings(), args...)
	code = p.exit()
	return code, p.out.String(), p.err.String()
}

// post talks to the fake, and decodes its answer unless into is nil.
func (w *world) post(path, body string, into any) {
	w.t.Helper()
	answer, err := http.Post(w.url+path, "application/json", strings.NewReader(body))
	w.decode(answer, err, into)
}

func (w *world) decode(answer *http.Response, err error, into any) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", answer.Request.URL.Path, answer.Status)
	}
	if into == nil {
		return
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		w.t.Fatalf("%s: %v", answer.Request.URL.Path, err)
	}
}

func (w *world) clearFaults() {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodDelete, w.url+"/_fake/faults", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	w.decode(answer, err, nil)
}

func (w *world) stats() (s fakewechat.Stats) {
	w.t.Helper()
	answer, err := http.Get(w.url + "/_fake/stats")
	w.decode(answer, err, &s)
	return s
}

// sent is what the fake has accepted, for one person or ("") for all.
func (w *world) sent(openid string) (all []fakewechat.Sent) {
	w.t.Helper()
	answer, err := http.Get(w.url + "/_fake/sent?openid=" + openid)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		var one fakewechat.Sent
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}
