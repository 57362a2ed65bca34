package attacks

import (
	"bytes"
	"context"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// readableSQL lists what the session may read of the schema: of each relation the columns, and each function that
// returns rows and can be called without arguments.
const readableSQL = `
SELECT format('SELECT %s FROM %s', string_agg(quote_ident(attname), ', ' ORDER BY attnum), attrelid::regclass)
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f') AND attnum > 0 AND NOT attisdropped
    AND has_column_privilege(c.oid, attnum, 'SELECT')
GROUP BY attrelid
UNION ALL
SELECT format('SELECT * FROM %s()', oid::regproc) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proretset AND pronargs = pronargdefaults AND has_function_privilege(oid, 'EXECUTE')`

// everythingReadable is all that a login can read, as text.
func everythingReadable(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	rows, err := conn.Query(t.Context(), readableSQL)
	if err != nil {
		t.Fatal(err)
	}
	queries, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, sql := range queries {
		var all string
		err := conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(row::text, E'\n'), '') FROM (`+sql+`) AS row`).Scan(&all)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		found[sql] = all
	}
	return found
}

// indifferent sends by a Sender of its own for each message, so that a token taken away concerns no other. A message
// that would stop the account or a template is refused instead, with the same words: but for the one whose errcode is
// stopping.
type indifferent struct {
	t         *testing.T
	url       string
	log       *logrus.Logger
	templates *templates.Catalogue
}

const stopping = "45009"

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []outbox.Account{{Name: "default", OnePersonAtATime: true}}

func (indifferent) Accounts() []outbox.Account { return anyAccount }

func (indifferent) Ready(context.Context, string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted}
}

func (i indifferent) Send(ctx context.Context, c outbox.Claimed) outbox.Verdict {
	sender := toParrot(i.t, i.url, i.templates, i.log)
	defer sender.Close()
	v := sender.Send(ctx, c)
	waits := v.Outcome == outbox.Halt || v.Outcome == outbox.Later
	if waits && !strings.HasSuffix(c.OpenID, "/"+stopping) {
		v.Outcome, v.Stops = outbox.Refused, nil
	}
	return v
}

// insertPrivate inserts a message that will meet a trouble.
func (r *rights) insertPrivate(template, trouble string, params ...string) {
	r.t.Helper()
	r.exec(`INSERT INTO subMsgList (openid, templateId, parameterArr, page) VALUES ($1, $2, $3, $4)`,
		privateOpenID+"/"+trouble, template, params, privatePage)
}

// Messages fail in every way, WeChat's words repeat them, and a rule makes a message that is refused. The login of a
// dashboard reads all that it can, and finds neither who nor what.
func TestReadonlyReadsNeitherWhoNorWhat(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	server := httptest.NewServer(parrot{parrots["the values"]})
	defer server.Close()
	logged := new(record)
	log := logrus.New()
	log.SetOutput(logged)
	for _, trouble := range troubles() {
		if trouble != stopping {
			r.insertPrivate("n", trouble, privateWord, privateNumber)
		}
	}
	r.insertPrivate("n", "0", privateWord)                         // one is missing
	r.insertPrivate("n", "0", strings.Repeat(privateWord, 9), "1") // too long
	r.insertPrivate("n", "0", privateWord+"\n", privateNumber)     // a line break
	r.insertPrivate("unheard-of", "0", privateWord, privateNumber) // no such template
	r.exec(`INSERT INTO subMsgList (openid, templateId, parameterArr, expireTime) VALUES ($1, 'n', ARRAY[$2], now())`,
		privateOpenID, privateWord)
	r.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ($1, $2, $3, 1, 2)`,
		"not one word "+privateOpenID, privateWord, privateNumber)
	r.exec(`UPDATE orders SET isSendMsg = true`)
	if n := read[int](t, r.Conn, `SELECT count(*)::int FROM subMsgRuleError`); n != 1 {
		t.Errorf("%d errors of the rule", n)
	}

	r.serve(indifferent{t, server.URL, log, load(t, parrotTemplate)}, log)
	r.until(`SELECT count(*) FILTER (WHERE sendStatus NOT IN ('wait', 'sending')) = count(*) FROM subMsgList`)
	r.insertPrivate("n", stopping, privateWord, privateNumber)
	r.until(`SELECT count(*) = 1 FROM subMsgPause WHERE errCode = ` + stopping)
	if n := read[int](t, r.Conn, `SELECT count(*)::int FROM subMsgList WHERE sendStatus = 'fail' AND sendStatusMsg <> ''`); n < 50 {
		t.Errorf("only %d have failed", n)
	}
	found := everythingReadable(t, r.as(readonly))
	if len(found) < 10 {
		t.Errorf("only %d queries: %q", len(found), found)
	}
	found["the log"] = logged.String()
	for sql, text := range found {
		// Eight bytes are no part of an id or a time by chance.
		for _, private := range []string{privateWord, privateNumber, privateOpenID, "kanari?who="} {
			if said := among(text, private); said != "" {
				t.Errorf("%q stands in %s", said, sql)
			}
		}
	}
	// What an administrator reads holds all of it, so the search is one that finds.
	all := strings.Join(slices.Collect(maps.Values(everythingReadable(t, r.as(admin)))), "")
	for _, private := range []string{privateWord, privateNumber, privateOpenID, privatePage} {
		if !strings.Contains(all, private) {
			t.Errorf("an administrator finds no %s", private)
		}
	}
}

// record is a log that can be read while it is written.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}
