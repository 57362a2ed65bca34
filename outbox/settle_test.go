package outbox_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// Settlements are HOT, which needs that no index names a column that they change. The index of what is due is of
// dueAt, which is NULL before a settlement and after it, unless the message waits again.
func TestNoIndexOfSettledColumns(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	indexes := one[[]string](d, `
SELECT coalesce(array_agg(pg_get_indexdef(indexrelid)), '{}') FROM pg_index
WHERE indrelid = 'subMsgList'::regclass AND pg_get_indexdef(indexrelid)
    ~* '\m(sendStatus|sendStatusMsg|errCode|errKind|msgId|sendTime|sendAfter|attempts|leaseUntil|updateTime)\M'`)
	if len(indexes) > 0 {
		t.Errorf("a settlement has to write into %q", indexes)
	}
	if n := one[int](d, `SELECT count(*) FROM pg_index WHERE indrelid = 'subMsgList'::regclass`); n == 0 {
		t.Error("there are no indexes at all")
	}
}

// Messages are sent from whatever schema submsg lives in, as a login without superuser.
func TestOtherSchema(t *testing.T) {
	t.Parallel()
	loginURL, schema := pgtest.Installation(t)
	u, err := url.Parse(loginURL)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", pgx.Identifier{schema}.Sanitize())
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // a connection URL knows no "+" for a space
	pool, err := pgxpool.New(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d, ch := &db{pool, t, u.String()}, new(channel)
	run(t, config(d, ch))
	d.asleep()
	d.eventually(d.insert(message(1))[0], "success")
}
