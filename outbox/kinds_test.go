package outbox_test

import (
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// Each kind that outbox writes is one that package explain knows, and a row says explain's words about it.
func TestKindsAreExplained(t *testing.T) {
	t.Parallel()
	for kind, text := range outbox.KindTexts {
		cause, known := explain.Kinds[explain.Kind(kind)]
		if !known {
			t.Errorf("package explain doesn't know the kind %q", kind)
		} else if words := cause.Why.ZH + "：" + cause.NextStep.ZH; text != "" && !strings.HasPrefix(text, words+" (") {
			t.Errorf("%s: a row says %q, explain says %q", kind, text, words)
		}
	}
}
