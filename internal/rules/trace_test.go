package rules_test

import "testing"

// A rule's message is inserted in the update's own transaction, held or not, so it takes over the trace of that.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	const (
		first  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		second = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	)
	for _, tt := range []struct{ name, rule, sql, want string }{
		{"by a flag", byFlag, `BEGIN; SET LOCAL submsg.traceparent = '` + first + `'; UPDATE shop.refunds SET notify = true WHERE id = 1; COMMIT`, "wait " + first},
		{"no trace", byFlag, `UPDATE shop.refunds SET notify = true WHERE id = 1`, "wait none"},
		{"no traceparent", byFlag, `BEGIN; SET LOCAL submsg.traceparent = '$$'; UPDATE shop.refunds SET notify = true WHERE id = 1; COMMIT`, "wait $$"},
		{"held, and replaced", held, `BEGIN; SET LOCAL submsg.traceparent = '` + first + `'; UPDATE shop.refunds SET state = 'paid' WHERE id = 1; COMMIT;
			BEGIN; SET LOCAL submsg.traceparent = '` + second + `'; UPDATE shop.refunds SET state = 'sent' WHERE id = 1; COMMIT`, "cancel " + first + ", wait " + second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t, tt.rule)
			d.exec(tt.sql)
			got := one[string](d, `SELECT string_agg(sendStatus || ' ' || coalesce(traceparent, 'none'), ', ' ORDER BY id) FROM subMsgList`)
			if got != tt.want {
				t.Errorf("messages %s, want %s", got, tt.want)
			}
			d.wantErrors()
		})
	}
}
