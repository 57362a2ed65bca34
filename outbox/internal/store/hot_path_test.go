package store

import (
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// batchSize is how many settlements the batch below has.
const batchSize = 64

// What is done for each message or batch allocates no more than it must.
func TestHotPathsAllocate(t *testing.T) {
	batch, ids := make([]Settlement, batchSize), make([]int64, batchSize)
	for i := range batch {
		batch[i] = Settlement{ID: int64(i), Status: "success", Text: "ok"}
	}
	types, wire := pgtype.NewMap(), textArray(t, "生椰拿铁", "19.9", "已发货", "预计明日送达")
	var params parameterList
	var texts []string
	scan := func() {
		if err := types.Scan(pgtype.TextArrayOID, pgtype.BinaryFormatCode, wire, &params); err != nil {
			t.Fatal(err)
		}
		texts, _ = params.texts()
	}
	scan()
	if len(texts) != 4 || texts[3] != "预计明日送达" {
		t.Fatalf("scanned %q", texts)
	}
	for _, p := range []struct {
		name   string
		allocs float64
		do     func()
	}{
		{"parameters", 8, scan},
		{"columns", 19, func() { _ = columns(batch) }},
		{"without, all of them", 0, func() { _ = Without(batch, ids) }},
	} {
		if n := testing.AllocsPerRun(100, p.do); n > p.allocs && !raced {
			t.Errorf("%s: %g allocations, at most %g are needed", p.name, n, p.allocs)
		}
	}
}

// textArray is a text[] as Postgres sends it.
func textArray(t testing.TB, elements ...string) []byte {
	wire, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, elements, nil)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}
