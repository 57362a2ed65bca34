package attacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/outbox"
)

// hostileRows are what an application can insert, and would rather not: values for the columns that it may write.
var hostileRows = map[string]string{
	"no parameters":             `(openid, templateId, parameterArr) VALUES ('o', 't', '{}')`,
	"empty parameters":          `(openid, templateId, parameterArr) VALUES ('o', 't', array_fill(''::text, '{32}'))`,
	"an array from elsewhere":   `(openid, templateId, parameterArr) VALUES ('o', 't', '[5:6]={a,b}')`,
	"as much as fits":           `(openid, templateId, parameterArr) VALUES (repeat('o', 64), repeat('t', 64), ARRAY[repeat('x', 8192)])`,
	"every control character":   `(openid, templateId, parameterArr, page, dedupKey) SELECT 'o', 't', ARRAY[c], c, c FROM (SELECT string_agg(chr(n), '') FROM generate_series(1, 159) AS n) AS s (c)`,
	"text that turns around":    `(openid, templateId, parameterArr, page) VALUES ('o', E't\u202e', ARRAY[E'\u202e\u2066\u200b'], E'\u202e')`,
	"a template called all":     `(openid, templateId) VALUES ('o', '*')`,
	"a template of SQL":         `(openid, templateId) VALUES ('o', ''';DROP/**/TABLE/**/subMsgList;--')`,
	"a trace of junk":           `(openid, templateId, traceparent) VALUES ('o', 't', E'00-\n\u202e;DROP TABLE')`,
	"a trace of zeros":          `(openid, templateId, traceparent) VALUES ('o', 't', '00-00000000000000000000000000000000-0000000000000000-00')`,
	"expired for ever":          `(openid, templateId, expireTime) VALUES ('o', 't', '-infinity')`,
	"expired before Christ":     `(openid, templateId, expireTime) VALUES ('o', 't', '4713-01-01 BC')`,
	"never expiring":            `(openid, templateId, expireTime) VALUES ('o', 't', 'infinity')`,
	"expiring after all":        `(openid, templateId, expireTime) VALUES ('o', 't', '294276-12-31')`,
	"due never":                 `(openid, templateId, sendAfter) VALUES ('o', 't', 'infinity')`,
	"due after all":             `(openid, templateId, sendAfter) VALUES ('o', 't', '294276-12-31')`,
	"due before all":            `(openid, templateId, sendAfter) VALUES ('o', 't', '-infinity')`,
	"many for one person":       `(openid, templateId) SELECT 'o', 't' FROM generate_series(1, 200)`,
	"many templates":            `(openid, templateId) SELECT 'o', 't' || n FROM generate_series(1, 200) AS n`,
	"the longest key":           `(openid, templateId, dedupKey) VALUES ('o', 't', repeat('😀', 256))`,
	"a key that is there":       `(openid, templateId, dedupKey) VALUES ('o', 't', 'k'), ('o', 't', 'k') ON CONFLICT DO NOTHING`,
	"a key and an expired life": `(openid, templateId, dedupKey, expireTime) VALUES ('o', 't', 'shop''s', now())`,
}

// Rows that mean harm are sent or end, whoever's other message waits is sent, and people can look at each of them.
func TestHostileRowsHarmNobody(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	shop := r.as(app)
	for name, row := range hostileRows {
		if _, err := shop.Exec(t.Context(), `INSERT INTO subMsgList `+row); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := shop.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId) VALUES ('honest', 't')`); err != nil {
		t.Fatal(err)
	}
	// Who may write a business table writes the times of its messages.
	r.exec(`ALTER TABLE orders ADD at timestamptz; SELECT submsg_watch('orders', 'never', 'openid', whenColumn => 'name',
		onInsert => true, hold => '1 hour', sendAfter => 'at', name => 'never')`)
	r.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance, at) VALUES ('o', 'n', 'c', 1, 2, 'infinity')`)
	r.lookAtAll()
	if previews, err := rules.Test(t.Context(), r.Conn, "orders", "", 10); err != nil || len(previews) == 0 {
		t.Errorf("%d previews, %v", len(previews), err)
	}
	r.serve(accepting{}, quiet())
	r.until(`SELECT count(*) = 1 FROM subMsgList WHERE openid = 'honest' AND sendStatus = 'success'`)
	r.until(`SELECT count(*) = 3 FROM subMsgList WHERE sendStatus IN ('wait', 'sending')`) // those that are due never
	r.lookAtAll()
	if _, err := r.as(admin).Exec(t.Context(), `UPDATE subMsgList SET sendStatus = 'cancel' WHERE sendStatus = 'wait'`); err != nil {
		t.Error(err)
	}
}

// lookAtAll reads every message in each way that there is, as an administrator.
func (r *rights) lookAtAll() {
	r.t.Helper()
	conn := r.as(admin)
	if _, err := ops.Look(r.t.Context(), conn, r.as(admin)); err != nil {
		r.t.Error(err)
	}
	ids, err := ops.Find(r.t.Context(), conn, ops.Selection{}, nil)
	if err != nil || len(ids) == 0 {
		r.t.Errorf("%d ids, %v", len(ids), err)
	}
	if _, err := ops.Messages(r.t.Context(), conn, ids); err != nil {
		r.t.Error(err)
	}
	for _, id := range ids {
		if _, err := ops.Show(r.t.Context(), conn, id); err != nil {
			r.t.Error(err)
		}
	}
	everythingReadable(r.t, conn)
	everythingReadable(r.t, r.as(readonly))
}

// refusedRows are what no application can insert, and why.
var refusedRows = map[string]string{
	`(openid, templateId) VALUES (repeat('o', 65), 't')`:                                                                                    "23514",
	`(openid, templateId) VALUES (repeat('o', 100000000), 't')`:                                                                             "23514",
	`(openid, templateId) VALUES ('', 't')`:                                                                                                 "23514",
	`(openid, templateId) VALUES (E'o\n', 't')`:                                                                                             "23514",
	`(openid, templateId) VALUES (E'o\u202e', 't')`:                                                                                         "23514",
	`(openid, templateId) VALUES ('o', repeat('t', 65))`:                                                                                    "23514",
	`(openid, templateId) VALUES ('o', E't\x1b')`:                                                                                           "23514",
	`(openid, templateId) VALUES ('o', NULL)`:                                                                                               "23502",
	`(openid, templateId, parameterArr) VALUES ('o', 't', NULL)`:                                                                            "23502",
	`(openid, templateId, parameterArr) VALUES ('o', 't', '{NULL}')`:                                                                        "23514",
	`(openid, templateId, parameterArr) VALUES ('o', 't', '{{a},{b}}')`:                                                                     "23514",
	`(openid, templateId, parameterArr) VALUES ('o', 't', array_fill(''::text, '{33}'))`:                                                    "23514",
	`(openid, templateId, parameterArr) VALUES ('o', 't', array_fill(''::text, '{1000000}'))`:                                               "23514",
	`(openid, templateId, parameterArr) VALUES ('o', 't', ARRAY[repeat('x', 8193)])`:                                                        "23514",
	`(openid, templateId, parameterArr) VALUES ('o', 't', ARRAY[repeat('汉', 2731)])`:                                                        "23514",
	`(openid, templateId, page) VALUES ('o', 't', repeat('p', 1025))`:                                                                       "23514",
	`(openid, templateId, dedupKey) VALUES ('o', 't', repeat('k', 257))`:                                                                    "23514",
	`(openid, templateId, dedupKey) VALUES ('o', 't', '')`:                                                                                  "23514",
	`(openid, templateId, traceparent) VALUES ('o', 't', repeat('t', 56))`:                                                                  "23514",
	`(openid, templateId, sendStatus) VALUES ('o', 't', 'success')`:                                                                         denied,
	`(openid, templateId, sendStatus, claimId, leaseUntil) VALUES ('o', 't', 'sending', NULL, NULL)`:                                        denied,
	`(openid, templateId, dueAt) VALUES ('o', 't', DEFAULT)`:                                                                                denied,
	`(openid, templateId, createTime) VALUES ('o', 't', '-infinity')`:                                                                       denied,
	`(openid, templateId, updateTime) VALUES ('o', 't', '-infinity')`:                                                                       denied,
	`(id, openid, templateId) OVERRIDING SYSTEM VALUE VALUES (1, 'o', 't')`:                                                                 denied,
	`VALUES (DEFAULT, 'o', 't')`:                                                                                                            denied,
	`(openid, templateId, parameterArr) SELECT openid, templateId, parameterArr FROM subMsgList`:                                            denied,
	`(openid, templateId, dedupKey) VALUES ('o', 't', 'k') ON CONFLICT (dedupKey) WHERE dedupKey IS NOT NULL DO NOTHING`:                    denied,
	`(openid, templateId, dedupKey) VALUES ('o', 't', 'k') ON CONFLICT (dedupKey) WHERE dedupKey IS NOT NULL DO UPDATE SET openid = 'mine'`: denied,
	`(openid, templateId, dedupKey) VALUES ('o', 't', 'k') RETURNING dedupKey`:                                                              denied,
	`(openid, templateId, dedupKey) VALUES ('o', 't', 'k') RETURNING *`:                                                                     denied,
	`(openid, templateId, dedupKey) VALUES ('o', 't', 'k')`:                                                                                 "23505",
}

// deeds are statements that no login but the owner's gets through with.
var deeds = map[string]string{
	`COPY subMsgList FROM STDIN`:                                  denied,
	`COPY subMsgList (openid, templateId, sendStatus) FROM STDIN`: denied,
	`COPY subMsgList TO STDOUT`:                                   denied,
	`COPY (SELECT dedupKey, openid FROM subMsgList) TO STDOUT`:    denied,
	`MERGE INTO subMsgList USING (VALUES (1)) AS v (n) ON id = n WHEN MATCHED THEN UPDATE SET openid = 'mine'`:                                denied,
	`MERGE INTO subMsgList USING (VALUES (1)) AS v (n) ON id = n WHEN MATCHED THEN DELETE`:                                                    denied,
	`MERGE INTO subMsgList USING (VALUES (1)) AS v (n) ON dedupKey = 'k' WHEN NOT MATCHED THEN INSERT (openid, templateId) VALUES ('o', 't')`: denied,
	`SELECT id FROM subMsgList FOR UPDATE`:                            denied,
	`SELECT id FROM subMsgList FOR KEY SHARE`:                         denied,
	`LOCK TABLE subMsgList IN SHARE MODE`:                             denied,
	`SET session_replication_role = replica`:                          denied,
	`ALTER TABLE subMsgList ALTER page SET DEFAULT 'mine'`:            denied,
	`ALTER TABLE subMsgList DROP CONSTRAINT attempts_is_not_negative`: denied,
	`CREATE UNIQUE INDEX ON subMsgList (openid)`:                      denied,
	`SELECT setval('subMsgWake', 1)`:                                  denied,
	`SELECT setval('subMsgList_id_seq', 9223372036854775807)`:         denied,
	`SELECT nextval('subMsgList_id_seq')`:                             denied,
	`SELECT pg_read_file('/etc/passwd')`:                              denied,
	`COPY (SELECT 1) TO PROGRAM 'true'`:                               denied,
	`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'owner' AND pid <> pg_backend_pid()`: denied,
	`CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION subMsg_wake()`:                                            denied,
	`CREATE PUBLICATION p FOR TABLE subMsgList`:                                                                           denied,
	`CREATE VIEW playground.v AS SELECT openid FROM subMsgList; SELECT * FROM playground.v`:                               denied,
	`SET LOCAL row_security = off; SELECT parameterArr FROM subMsgList`:                                                   denied,
	`DO $$ BEGIN EXECUTE 'UPDATE subMsgList SET sendStatus = ''success'''; END $$`:                                        denied,
}

// An application gets through with nothing else: neither with values that are too large for others, nor with columns
// that are submsg's, nor with the keys of others.
func TestApplicationInsertsAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	r.exec(`CREATE SCHEMA playground; GRANT CREATE, USAGE ON SCHEMA playground TO PUBLIC; SET application_name = 'owner'`)
	r.exec(`INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('other', 't', 'k')`)
	shop, viewer, anybody := r.as(app), r.as(readonly), r.as(nobody)
	for row, want := range refusedRows {
		if got := state(try(t, shop, `INSERT INTO subMsgList `+row)); got != want {
			t.Errorf("%s: %q, want %q", row, got, want)
		}
	}
	for deed, want := range deeds {
		for who, conn := range map[string]*pgx.Conn{app: shop, readonly: viewer, nobody: anybody} {
			if strings.HasPrefix(deed, "MERGE") && read[int](t, conn, `SELECT current_setting('server_version_num')::int`) < 150000 {
				continue
			}
			if got := state(try(t, conn, deed)); got != want {
				t.Errorf("%s: %s: %q, want %q", who, deed, got, want)
			}
		}
	}
	// What is refused tells nothing of the row that is in the way.
	_, err := shop.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('o', 't', 'k')`)
	if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "other") {
		t.Errorf("%v", err)
	}
	if n := read[int](t, r.Conn, `SELECT count(*)::int FROM subMsgList`); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// Everybody may NOTIFY on any channel. That wakes submsg in vain, and no more.
func TestFloodOfWakes(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	r.serve(accepting{}, quiet())
	anybody := r.as(nobody)
	if _, err := anybody.Exec(t.Context(), `LISTEN submsg`); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := anybody.Exec(t.Context(), `SELECT pg_notify('submsg', repeat('x', 7000) || n) FROM generate_series(1, 50) AS n`); err != nil {
			t.Fatal(err)
		}
	}
	shop := r.as(app)
	tx, err := shop.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outbox.Insert(t.Context(), tx, outbox.Message{OpenID: "o", TemplateID: "t"}); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until(`SELECT count(*) = 1 FROM subMsgList WHERE sendStatus = 'success'`)
}
