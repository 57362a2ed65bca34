//go:build faults

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// lab is a database, a fake WeChat and any number of submsg processes.
type lab struct {
	t      *testing.T
	url    string // of the database, for workers
	admin  *pgxpool.Pool
	wechat *fakewechat.Server
	api    string // the fake's URL
	dice   *rand.Rand
	keys   atomic.Int64 // messages inserted so far; each has a key of its own

	workers []*worker
}

// The timings of the lab: everything in it is ten times as impatient as in production.
const (
	senders     = 8
	sendTimeout = time.Second
	lease       = 1500 * time.Millisecond
	poll        = 300 * time.Millisecond
	probeEvery  = 300 * time.Millisecond

	// inDoubt is how many messages a replica holds at most, and leaves in doubt when it is killed: one for each sender,
	// and eight times as many claimed ahead.
	inDoubt = 9 * senders
)

func newLab(t *testing.T, options fakewechat.Options) *lab {
	t.Helper()
	return newLabOn(t, database(t), options)
}

// newLabOn is newLab on a given database, migrated already.
func newLabOn(t *testing.T, url string, options fakewechat.Options) *lab {
	t.Helper()
	options.AppID, options.Secret = appID, appSecret
	options.GrantAll = true
	l := &lab{t: t, url: url, wechat: fakewechat.New(options), dice: rand.New(rand.NewPCG(*seed, 0))}
	l.connect(url)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: l.wechat}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	l.api = "http://" + listener.Addr().String()
	t.Cleanup(l.stopAll)
	return l
}

// connect points the lab's own connections at a database.
func (l *lab) connect(url string) {
	l.t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(pool.Close)
	l.admin = pool
}

func (l *lab) exec(sql string, args ...any) {
	l.t.Helper()
	if _, err := l.admin.Exec(context.Background(), sql, args...); err != nil {
		l.t.Fatalf("%s: %v", sql, err)
	}
}

// number reads one integer.
func (l *lab) number(sql string, args ...any) (n int) {
	l.t.Helper()
	if err := l.admin.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		l.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// count is how many messages a condition holds for.
func (l *lab) count(where string, args ...any) int {
	l.t.Helper()
	return l.number(`SELECT count(*) FROM subMsgList WHERE `+where, args...)
}

// insert adds n messages, each to a person of its own and with its key as a parameter, by which the ledger knows it.
func (l *lab) insert(n int) (first int64) {
	l.t.Helper()
	first = l.keys.Add(int64(n)) - int64(n) + 1
	l.exec(`INSERT INTO subMsgList (openid, templateId, parameterArr)
		SELECT $3 || lpad(k::text, 12, '0'), 'orderStatus', ARRAY[$4, '19.9', '已发货', 'm' || k]
		FROM generate_series($1::bigint, $2::bigint) AS k`, first, first+int64(n)-1, openidPrefix, phone)
	return first
}

// Canaries: none of these may show in any log or text.
const (
	appID        = "wxfaultlab0000000"
	appSecret    = "canarySecret0123456789abcdef0123"
	openidPrefix = "ocanary_OPENID_x"
	phone        = "13912345678"
)

// keep lets at least n messages wait, so that workers have something to do.
func (l *lab) keep(n int) {
	const waitingSQL = `SELECT count(*) FROM (SELECT FROM subMsgList WHERE sendStatus = 'wait' LIMIT $1) AS s`
	if l.number(waitingSQL, n) < n {
		l.insert(2 * n)
	}
}

// fault has WeChat misbehave.
func (l *lab) fault(f fakewechat.Fault) {
	l.t.Helper()
	if err := l.wechat.Fault(f); err != nil {
		l.t.Fatal(err)
	}
}

// within waits for a condition, and fails the test if it doesn't come.
func (l *lab) within(limit time.Duration, what string, ok func() bool) time.Duration {
	l.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			for _, w := range l.workers {
				l.t.Logf("%s, its last words:\n%s", w.name, w.log.tail(2000))
			}
			l.t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}

// quiesce waits until no message is on its way.
func (l *lab) quiesce(limit time.Duration) {
	l.t.Helper()
	l.within(limit, "every message comes to an end", l.quiet)
}

// quiet tells whether no message is on its way.
func (l *lab) quiet() bool {
	l.t.Helper()
	return l.number(`SELECT count(*) FROM
		(SELECT FROM subMsgList WHERE sendStatus IN ('wait', 'sending') LIMIT 1) AS s`) == 0
}

// check compares ledger and table, counts, and fails the test unless the promises hold; mostUnknown bounds the honest
// exception.
func (l *lab) check(mostUnknown int) outcome {
	l.t.Helper()
	o := l.compare()
	l.verdict(o, mostUnknown)
	return o
}

// verdict counts an outcome, and fails the test unless the promises hold.
func (l *lab) verdict(o outcome, mostUnknown int) {
	l.t.Helper()
	total.add(o)
	l.t.Logf("%+v", o)
	if o.lost+o.duplicated+o.falseSuccess+o.falseFail+o.stuck > 0 {
		l.t.Errorf("broken promises: %+v", o)
	}
	if o.unknown > mostUnknown {
		l.t.Errorf("%d messages unknown, at most %d were in flight at a fault", o.unknown, mostUnknown)
	}
	l.checkSecrets()
}

func (l *lab) compare() (o outcome) {
	l.t.Helper()
	taken := make(map[string]int)
	for _, s := range l.wechat.Sent() {
		taken[s.Data["thing5"]]++
		o.accepted++
	}
	rows, err := l.admin.Query(context.Background(), `SELECT parameterArr[4], sendStatus FROM subMsgList`)
	if err != nil {
		l.t.Fatal(err)
	}
	var key, status string
	seen := make(map[string]bool)
	_, err = pgx.ForEachRow(rows, []any{&key, &status}, func() error {
		seen[key] = true
		n := taken[key]
		switch {
		case status == "wait" || status == "sending":
			o.stuck++
		case status == "unknown":
			o.unknown++
		case status == "success" && n == 0:
			o.falseSuccess++
		case status != "success" && n > 0:
			o.falseFail++
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	for key, n := range taken {
		if n <= 1 {
			continue
		}
		if o.duplicated++; o.duplicated <= 10 { // a failover may lose hundreds of claims
			l.t.Logf("message %s was taken %d times", key, n)
		}
	}
	o.messages = int(l.keys.Load())
	for k := range l.keys.Load() {
		if !seen[fmt.Sprint("m", k+1)] {
			o.lost++
		}
	}
	return o
}
