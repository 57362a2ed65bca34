package yamlfiles

import (
	"strings"
	"testing"
)

// The YAML parser's messages repeat words of the file, which may be nobody's to read.
func TestParserRepeatsNothing(t *testing.T) {
	const word = "kanari7f3a"
	for _, content := range []string{"%YAML " + word + "\n---\na: b", "a: !!" + word + " x\nb: [", "a: \"" + word + `\q"`,
		"a: !!int " + word, "? " + word + "\n?", "&" + word, "a: *" + word, "- " + word + "\nb: c", word + ": {", "@" + word} {
		s := Source{File: "t.yaml", Thing: "thing"}
		for _, e := range s.Entries([]byte(content)) {
			s.Text(e)
		}
		err := Join(s.Errs)
		if err == nil || strings.Contains(err.Error(), "not YAML") && strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
