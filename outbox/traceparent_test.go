package outbox_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox"
)

const (
	trace      = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	otherTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// Whatever the traceparent is, the insert succeeds and the sender gets as much of it as the column holds. Whoever reads
// it decides whether it is valid.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	ch := new(channel)
	d := newDB(t)
	long := strings.Repeat("中", 100)
	tests := []struct {
		name, setting, message, want string
	}{
		{"of the message", "", trace, trace},
		{"of the transaction", trace, "", trace},
		{"the message goes before", trace, otherTrace, otherTrace},
		{"none", "", "", ""},
		{"invalid", "", "no trace at all", "no trace at all"},
		{"invalid in the transaction", "x'); --", "", "x'); --"},
		{"too long", "", long, long[:3*55]},
		{"too long in the transaction", long, "", long[:3*55]},
	}
	ids := make([]int64, len(tests))
	for i, tt := range tests {
		err := pgx.BeginFunc(t.Context(), d.Pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT set_config('submsg.traceparent', $1, true)`, tt.setting)
			if err != nil {
				return err
			}
			m := message(i)
			m.TraceParent = tt.message
			inserted, err := outbox.Insert(t.Context(), tx, m)
			if err != nil {
				return err
			}
			ids[i] = inserted[0]
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
	}
	run(t, config(d, ch))
	eventually(t, "all are sent", func() bool { return ch.count() == len(tests) })
	got := make(map[int64]string)
	for _, m := range ch.sent {
		got[m.ID] = m.TraceParent
	}
	for i, tt := range tests {
		if got[ids[i]] != tt.want {
			t.Errorf("%s: the sender got %q, want %q", tt.name, got[ids[i]], tt.want)
		}
		if null := one[bool](d, `SELECT traceparent IS NULL
			FROM subMsgList WHERE id = $1`, ids[i]); null != (tt.want == "") {
			t.Errorf("%s: the column is NULL: %t", tt.name, null)
		}
	}
}

// In SQL the column's default takes the transaction's traceparent. Only a statement that writes the column itself is
// refused where the text is too long.
func TestTraceParentInSQL(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	conn := newAdmin(t, d.url)
	insert := `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`
	for _, sql := range []string{
		`BEGIN`, `SET LOCAL submsg.traceparent = '` + trace + `'`, insert, `COMMIT`, insert,
		`BEGIN`, `SET LOCAL submsg.traceparent = '` + strings.Repeat("中", 60) + `'`, insert, `COMMIT`,
		`INSERT INTO subMsgList (openid, templateId, traceparent) VALUES ('o1', 't', 'nonsense')`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	want := strings.Join([]string{trace, "null", strings.Repeat("中", 55), "nonsense"}, " ")
	if got := one[string](d, `SELECT string_agg(coalesce(traceparent, 'null'), ' ' ORDER BY id)
		FROM subMsgList`); got != want {
		t.Errorf("the rows say %s, want %s", got, want)
	}
	_, err := conn.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId, traceparent)
		VALUES ('o1', 't', repeat('x', 56))`)
	if err == nil || !strings.Contains(err.Error(), "traceparent_is_at_most_55_characters") {
		t.Errorf("56 characters: %v", err)
	}
}
