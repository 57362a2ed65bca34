package tracing_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"

	"github.com/submsg/submsg/outbox"
)

func insert(ctx context.Context, tx pgx.Tx) error {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	_, err := outbox.Insert(ctx, tx, outbox.Message{
		OpenID:      "oABCD5EFgh1JKlmnOPqrStuVwxYz",
		TemplateID:  "orderStatus",
		Params:      []string{"生椰拿铁", "19.9", "已发货", "谢谢"},
		TraceParent: carrier["traceparent"],
	})
	return err
}

// The README's Go is the body of the function insert, so that it compiles.
func TestReadme(t *testing.T) {
	_ = insert
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(readme)
	if code == nil || !strings.Contains(strings.ReplaceAll(string(source), "\n\t", "\n"), string(code[1])) {
		t.Errorf("the README's Go isn't that of this file:\n%s", code)
	}
}
