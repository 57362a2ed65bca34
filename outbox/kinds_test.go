package outbox

import (
	"os"
	"strings"
	"testing"
)

// Each kind that this package writes is one that package explain knows. The source is read, because outbox may not
// import it.
func TestKindsAreExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../internal/explain/kinds.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{kindParametersBroken, kindInternalError, kindTooLate, kindCrashed,
		kindCrashedRepeatedly, kindExpired, kindDatabaseCopy} {
		if !strings.Contains(string(text), `Kind = "`+kind+`"`) {
			t.Errorf("package explain doesn't know the kind %q", kind)
		}
	}
}
