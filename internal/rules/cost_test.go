package rules_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// What a rule costs: updates of many rows by one statement, and of one row a transaction, in µs a row:
//
//	go test ./internal/rules -run '^$' -bench Cost -benchtime 1x -v
func BenchmarkCost(b *testing.B) {
	const rows, rounds = 20000, 5 // medians
	for _, c := range []struct{ name, rule, set string }{
		{"without a rule", ``, `note = note || '.'`},
		{"not firing", byFlag, `note = note || '.'`},
		{"not firing, by a column", `SELECT submsg_watch('shop.refunds', 't', 'openid', whenColumn => 'state', hold => '1 min')`, `note = note || '.'`},
		{"firing", byFlag, `notify = true`},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkUpdates(b, c.rule, c.set, rows, rounds) })
	}
}

func benchmarkUpdates(b *testing.B, rule, set string, rows, rounds int) {
	conn, err := pgx.Connect(b.Context(), pgtest.DB(b))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	exec := func(sql string) {
		b.Helper()
		if _, err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatalf("%s: %v", sql, err)
		}
	}
	exec(fmt.Sprintf(`CREATE SCHEMA shop; CREATE TABLE shop.refunds (id int PRIMARY KEY, buyer_openid text, openid text, goods text, amount numeric, state text, note text, notify boolean DEFAULT false) WITH (fillfactor = 40);
		INSERT INTO shop.refunds SELECT g, 'o' || g, 'o' || g, '货' || g, g, 'open', 'n', false FROM generate_series(1, %d) g; `+rule, rows))
	var bulk, single []float64
	for range rounds {
		exec(`VACUUM ANALYZE shop.refunds`)
		exec(`TRUNCATE subMsgList`)
		start := time.Now()
		exec(`UPDATE shop.refunds SET ` + set)
		bulk = append(bulk, float64(time.Since(start).Microseconds())/float64(rows))
		start = time.Now()
		for i := range 500 {
			exec(fmt.Sprintf(`UPDATE shop.refunds SET %s WHERE id = %d`, set, i+1))
		}
		single = append(single, float64(time.Since(start).Microseconds())/500)
	}
	slices.Sort(bulk)
	slices.Sort(single)
	b.ReportMetric(bulk[rounds/2], "µs/row")
	b.ReportMetric(single[rounds/2], "µs/commit")
	b.ReportMetric(0, "ns/op")
}
