package rules_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// db is a connection to a shop's database, with the notices that the server sent over it.
type db struct {
	*pgx.Conn
	t       *testing.T
	url     string
	notices []string
}

const shop = `CREATE SCHEMA shop;
CREATE TABLE shop.refunds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, buyer_openid text, goods text,
	amount numeric, state text NOT NULL DEFAULT 'open', note text, kind text, notify boolean NOT NULL DEFAULT false,
	at timestamptz);
INSERT INTO shop.refunds (buyer_openid, goods, amount, note, kind, at)
SELECT 'o' || g, '货' || g, g, 'n', 'food', '2030-01-02 03:04:05+00' FROM generate_series(1, 5) g;`

// byFlag makes the rule of README.md's first example.
const byFlag = `SELECT submsg_watch('shop.refunds', template => 'orderStatus', openid => 'buyer_openid',
	params => ARRAY['goods','amount','state','note'], flag => 'notify')`

func newDB(t *testing.T, setup ...string) *db {
	t.Helper()
	url := pgtest.DB(t)
	d := connect(t, url)
	for _, sql := range append([]string{shop}, setup...) {
		d.exec(sql)
	}
	d.notices = nil
	return d
}

func connect(t *testing.T, url string) *db {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	d := &db{t: t, url: url}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { d.notices = append(d.notices, n.Message) }
	if d.Conn, err = pgx.ConnectConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Conn.Close(context.Background()) })
	return d
}

func (d *db) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

// one reads a single value.
func one[T any](d *db, sql string, args ...any) (v T) {
	d.t.Helper()
	if err := d.QueryRow(d.t.Context(), sql, args...).Scan(&v); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// messages are "openid template param|param status", in the order of their rows.
func (d *db) messages() []string {
	d.t.Helper()
	return one[[]string](d, `SELECT coalesce(array_agg(format('%s %s %s %s',
		openid, templateId, array_to_string(parameterArr, '|'), sendStatus) ORDER BY id), '{}') FROM subMsgList`)
}

func (d *db) want(messages ...string) {
	d.t.Helper()
	if messages == nil {
		messages = []string{}
	}
	if diff := cmp.Diff(messages, d.messages()); diff != "" {
		d.t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// errors are the stored ones, "rule: error".
func (d *db) errors() []string {
	d.t.Helper()
	return one[[]string](d, `SELECT coalesce(array_agg(coalesce(r.name, '?') || ': ' || error ORDER BY e.id), '{}')
		FROM subMsgRuleError e LEFT JOIN subMsgRule r ON r.id = ruleId`)
}

func (d *db) wantErrors(want ...string) {
	d.t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, d.errors()); diff != "" {
		d.t.Errorf("errors (-want +got):\n%s", diff)
	}
}

// warned tells whether the server warned of it.
func (d *db) warned(part string) bool { return strings.Contains(strings.Join(d.notices, "\n"), part) }

// fails runs sql and wants an error with this code, whose message or hint contains each of the words.
func (d *db) fails(sql, code string, words ...string) {
	d.t.Helper()
	_, err := d.Exec(d.t.Context(), sql)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		d.t.Errorf("%s: %v, want error %s", sql, err, code)
		return
	}
	said := pg.Message + " (" + pg.Hint + ")"
	if pg.Code != code {
		d.t.Errorf("%s: code %s, want %s: %s", sql, pg.Code, code, said)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			d.t.Errorf("%s says %q, without %q", sql, said, word)
		}
	}
}
