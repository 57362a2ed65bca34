package fields

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A text cut to its limit is a whole beginning of what was given, and as long as it can be.
func TestCutProperty(t *testing.T) {
	template := one(t, "thing1", "onTooLong: truncate\n")
	part := rapid.SampledFrom([]string{"a", "汉", "é", "e\u0301", "😀", "👨‍👩‍👧", "🇨🇳", "👍🏽", " "})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(part, 21, 60).Draw(t, "parts")
		p, err := template.Render([]string{strings.Join(parts, "")}, "")
		if err != nil {
			t.Fatal(err)
		}
		kept, ok := strings.CutSuffix(p.Data[0].Value, "…")
		if !ok {
			t.Fatalf("%q has no ellipsis", p.Data[0].Value)
		}
		length, whole := 1, 0
		for whole < len(parts) && length+utf16Length(parts[whole]) <= 20 {
			length += utf16Length(parts[whole])
			whole++
		}
		// Two flags side by side are still two characters, so that parts are what a reader counts.
		if want := strings.Join(parts[:whole], ""); kept != want {
			t.Fatalf("kept %q, want %q", kept, want)
		}
	})
}

func utf16Length(s string) (n int) {
	for _, c := range s {
		n++
		if c > 0xFFFF {
			n++
		}
	}
	return n
}
