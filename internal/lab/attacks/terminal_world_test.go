package attacks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// What a name may hold that steers a terminal, begins a line, turns the direction of writing, or takes no room. A name
// of Postgres's keeps 63 bytes of it.
const (
	steering = "\x1b[2J\x1b]0;x\a\u009b31m\u0085\x7f\r\nFORGED"
	unseen   = "\u202e\u2066\u200b\u200f\u2028\ufeff\u00ad\u3164\U000e0041"
	hostile  = steering + unseen
)

// hostileWorld is a database and two WeChats in which every name and text is hostile that can be.
type hostileWorld struct {
	t              *testing.T
	url, schema    string // of the installation, as a login with a hostile name; the schema's can be none
	missing        string // a database that there isn't, of a hostile name
	wechat, closed string // the one refuses sends and lists templates, the other refuses every call
	templates      string // a folder of files that are right
	mistaken       string // and one of files that are not
	table          string // which has rules, as SQL names it
}

// newHostileWorld makes all of it.
func newHostileWorld(t *testing.T) *hostileWorld {
	t.Helper()
	w := &hostileWorld{t: t, schema: "消息 Box", table: "public." + sqlName("t"+hostile)}
	w.database()
	w.wechat, w.closed = w.serve(43101), w.serve(40125)
	w.templates = w.folder(map[string]string{"good.yaml": goodTemplate})
	w.mistaken = w.folder(map[string]string{"b" + hostile + ".yaml": mistakenTemplate, "c.yaml": steering + unseen})
	return w
}

func sqlName(name string) string { return pgx.Identifier{name}.Sanitize() }

// database makes an installation in a database and of a login that are both named so.
func (w *hostileWorld) database() {
	w.t.Helper()
	there, err := url.Parse(pgtest.Empty(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	plain, elsewhere := strings.TrimPrefix(there.Path, "/"), *there
	elsewhere.Path = "/postgres"
	name, login := plain[:8]+hostile, "l"+hostile
	w.exec(elsewhere.String(), fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, sqlName(plain), sqlName(name)))
	w.exec(elsewhere.String(), fmt.Sprintf(`CREATE ROLE %s LOGIN SUPERUSER PASSWORD 'secret'`, sqlName(login)))
	w.t.Cleanup(func() { // pgtest drops it by its own name
		w.exec(elsewhere.String(), fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, sqlName(name), sqlName(plain)))
		there.Path, there.User = "/"+plain, elsewhere.User
		w.exec(there.String(), fmt.Sprintf(`DROP OWNED BY %s CASCADE; DROP ROLE %[1]s`, sqlName(login)))
	})
	owner := *there
	owner.Path, owner.User = "/"+name, url.UserPassword(login, "secret")
	w.url = owner.String()
	owner.Path = "/nosuch" + hostile
	w.missing = owner.String()
	w.exec(w.url, `CREATE SCHEMA `+sqlName(w.schema))
	if err := (migrations.Migrator{URL: w.url, Schema: w.schema}).Up(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.fill()
}

// exec runs statements; they find the installation's tables, and those in public.
func (w *hostileWorld) exec(at, sql string, args ...any) {
	w.t.Helper()
	config, err := pgx.ParseConfig(at)
	if err != nil {
		w.t.Fatal(err)
	}
	config.RuntimeParams["search_path"] = sqlName(w.schema) + ", public"
	ctx := context.WithoutCancel(w.t.Context()) // which is over when a test cleans up
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		w.t.Fatalf("%q: %v", sql, err)
	}
}

// fill makes a table with rules, right and broken ones, rows that they have missed, messages in each status, a pause.
func (w *hostileWorld) fill() {
	w.t.Helper()
	key, text, word, gone := sqlName("k"+hostile), sqlName("v"+hostile), "w"+hostile, sqlName("g"+hostile)
	w.exec(w.url, fmt.Sprintf(`CREATE TYPE public.%[1]s AS ENUM ('new', %[2]s);
		CREATE TABLE %[3]s (%[4]s text PRIMARY KEY, buyer text, %[5]s text, state public.%[1]s NOT NULL DEFAULT 'new', %[6]s text)`,
		sqlName("e"+hostile), sqlText(word), w.table, key, text, gone))
	w.exec(w.url, `INSERT INTO subMsgTemplate (templateId, name, title, params) VALUES ($1, 'named', $2, ARRAY['a'])`,
		"id", "title"+hostile)
	for name, param := range map[string]string{"right": "v" + hostile, "broken": "g" + hostile} {
		w.exec(w.url, `SELECT submsg_watch($1, template => 'named', openid => 'buyer', params => ARRAY[$2],
			whenColumn => 'state', whenValues => ARRAY[$3], page => $4, name => $5)`,
			w.table, param, word, "pages/"+hostile, name+hostile)
	}
	w.exec(w.url, fmt.Sprintf(`INSERT INTO %s VALUES ($1, 'oBUYER', $2, 'new'), ($3, NULL, $2, 'new')`, w.table),
		"1"+hostile, "value"+hostile, "2"+hostile)
	w.exec(w.url, fmt.Sprintf(`ALTER TABLE %s DROP COLUMN %s CASCADE`, w.table, gone))
	w.exec(w.url, fmt.Sprintf(`UPDATE %s SET state = $1`, w.table), word)
	w.exec(w.url, fmt.Sprintf(`CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER %s BEFORE UPDATE ON subMsgList FOR EACH ROW EXECUTE FUNCTION public.nothing();
		ALTER TABLE subMsgPause DISABLE TRIGGER submsgpause_wake`, sqlName("tr"+hostile)))
	w.exec(w.url, `INSERT INTO subMsgList (openid, templateId, parameterArr, sendStatus, sendStatusMsg, errCode, dedupKey, page)
		SELECT 'oSOMEBODY' || n, t, ARRAY[$1, $1], s, $1, 43101, $1 || n, $1
		FROM unnest(ARRAY['id', $2, 'id', 'id'], ARRAY['wait', 'fail', 'unknown', 'fail']) WITH ORDINALITY AS x (t, s, n)`,
		hostile, "t"+strings.ReplaceAll(unseen, "\u2028", ""))
	w.exec(w.url, `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('oSOMEBODY', 'id', '{甲}')`) // can be sent
	w.exec(w.url, `INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ($1, $2, 'infinity'), ('gone', $2, now() + interval '1 h')`,
		"p"+hostile, "reason"+hostile)
}

func sqlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// goodTemplate holds all that a right file may.
var goodTemplate = fmt.Sprintf(`id: id
name: named
title: %s
params: [a]
page: pages/index
data:
  enum_string1: {value: "{a}", values: [甲, %[1]s]}
`, yamlText("title"+unseen))

// mistakenTemplate is wrong everywhere.
var mistakenTemplate = fmt.Sprintf(`%[1]s: 1
id: %[1]s
name: %[1]s
title: %[1]s
params: [%[1]s, %[1]s]
page: %[1]s
data:
  %[1]s: %[1]s
  thing1: %[1]s
  enum_string2: {value: "{%[2]s}", values: [%[1]s, %[1]s]}
`, yamlText(hostile), strings.Trim(yamlText(unseen), `"`))

// yamlText is a text as YAML, which takes JSON's.
func yamlText(s string) string {
	text, _ := json.Marshal(s) // which a string can't fail
	return strings.NewReplacer("\x7f", `\u007f`, "\u009b", `\u009b`, "\u0085", `\u0085`).Replace(string(text))
}

func (w *hostileWorld) folder(files map[string]string) (dir string) {
	w.t.Helper()
	dir = filepath.Join(w.t.TempDir(), "d"+strings.NewReplacer("\n", "", "/", "").Replace(hostile))
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return dir
}

// serve is a WeChat that refuses sends with a code, and, where that is one of the account's, everything.
func (w *hostileWorld) serve(code int) string {
	refusal := map[string]any{"errcode": code, "errmsg": "said" + hostile}
	answers := map[string]any{"/cgi-bin/message/subscribe/send": refusal}
	if code == 43101 {
		answers["/cgi-bin/stable_token"] = map[string]any{"access_token": strings.Repeat("t", 136), "expires_in": 7200}
		answers["/wxaapi/newtmpl/gettemplate"] = map[string]any{"errcode": 0, "errmsg": "ok", "data": []any{
			map[string]any{"priTmplId": "id", "title": "title" + hostile, "type": 2,
				"content": "label" + hostile + ":{{enum_string1.DATA}}\nlabel" + unseen + ":{{thing2.DATA}}\n",
				"keywordEnumValueList": []any{map[string]any{"keywordCode": "enum_string1.DATA",
					"enumValueList": []string{"乙" + hostile}}}},
			map[string]any{"priTmplId": "other" + hostile, "title": "title" + unseen, "type": 2,
				"content": "label" + unseen + ":{{thing1.DATA}}\n"},
		}}
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if !known {
			answer = refusal
		}
		_ = json.NewEncoder(rw).Encode(answer) // who asked may be gone
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}
