package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is written comes out printable, wherever it is cut.
func TestOutput(t *testing.T) {
	for s, want := range map[string]string{
		"": "",
		"订单 {id}　é e\u0301 👨‍👩‍👧 🏳️‍🌈\n\t│": "订单 {id}　é e\u0301 👨‍👩‍👧 🏳️‍🌈\n\t│",
		"שלום مرحبا \u06dd می\u200cخواهم":   "שלום مرحبا \u06dd می\u200cخواهم", // a sign that is seen, and a joiner
		"\x1b[2J\x1b]0;x\x07":        `\u001b[2J\u001b]0;x\u0007`,
		"a\rb\x00\x7f":               `a\u000db\u0000\u007f`,
		"\u0085\u009b31m":            `\u0085\u009b31m`,
		"user\u202etxt\u2066\u200f":  `user\u202etxt\u2066\u200f`,
		"\u2028\u2029\u200b\ufeff":   `\u2028\u2029\u200b\ufeff`,
		"\u00ad\u3164\u115f\ue000":   `\u00ad\u3164\u115f\ue000`, // letters that are not drawn, and one that is nobody's
		"\U000e0041":                 `\udb40\udc41`,
		"\xff中\xe4\xb8a\xed\xa0\x80": `\xff中\xe4\xb8a\xed\xa0\x80`,
		"\ufffd":                     "\ufffd",
		"中\xf0\x9f\x98":              `中\xf0\x9f\x98`,
	} {
		if got := Printable(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
		for size := 1; size <= 4; size++ {
			if got := printed(t, s, func(int) int { return size }); got != want {
				t.Errorf("%q by %d: %q, want %q", s, size, got, want)
			}
		}
	}
}

// printed is what comes out of text that is written in pieces.
func printed(t *testing.T, text string, size func(at int) int) string {
	t.Helper()
	var b strings.Builder
	out := NewOutput(&b)
	for at := 0; at < len(text); {
		end := min(at+size(at), len(text))
		if n, err := io.WriteString(out, text[at:end]); n != end-at || err != nil {
			t.Errorf("%d of %d bytes written, %v", n, end-at, err)
		}
		at = end
	}
	if err := out.Flush(); err != nil {
		t.Error(err)
	}
	return b.String()
}

// What comes out is printable and stays as it is when it is printed again; what is printable comes out as it went in;
// and it makes no difference in which pieces it comes.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "生椰拿铁 👨‍👩‍👧\n", "\x1b]0;x\x07", "a\u202eb", "\xe4\xb8", "\U000e0041\xff", `\u202e`} {
		f.Add(s, uint64(0x1234))
	}
	f.Fuzz(func(t *testing.T, s string, sizes uint64) {
		got := Printable(s)
		if !utf8.ValidString(got) {
			t.Errorf("%q: %q is no UTF-8", s, got)
		}
		for _, r := range got {
			if !printable(r) {
				t.Errorf("%q: %q holds %U", s, got, r)
			}
		}
		if again := Printable(got); again != got {
			t.Errorf("%q, printed again: %q", got, again)
		}
		clean := utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !printable(r) })
		if clean != (got == s) {
			t.Errorf("%q became %q", s, got)
		}
		size := func(at int) int { return 1 + int(sizes>>(4*(at%16))%4) }
		if pieces := printed(t, s, size); pieces != got {
			t.Errorf("%q in pieces: %q, want %q", s, pieces, got)
		}
	})
}

// JSON stays JSON, and means the same.
func TestOutputOfJSON(t *testing.T) {
	const value = "中<&>\x1b\n\u202e\u2028\x7f\u009b\U000e0041\"\\👨‍👩‍👧"
	var b bytes.Buffer
	if err := NewOutput(&b).JSON(map[string]string{value: value}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); Printable(text) != text || !strings.Contains(text, `\u202e`) || !strings.Contains(text, "中<&>") {
		t.Errorf("%q", text)
	}
	var got map[string]string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got[value] != value || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

// No value begins a line of its own, but in what the program has made of several lines.
func TestOutputLines(t *testing.T) {
	const forged = "a\nsubmsg: all is well\r\n\tb"
	var out, errs bytes.Buffer
	term := New(strings.NewReader(""), &out, &errs)
	term.Out.Line("%s: %s", forged, forged)
	term.Tell("%s", forged)
	if err := term.Confirm(forged); err == nil {
		t.Error("nobody has agreed")
	}
	table := NewTable("x", "y", "z")
	table.Row(7, forged, []string{forged, "c"})
	table.Row(77, errors.New(forged), "")
	table.Wrap(3, 20)
	term.Out.Table(table)
	if errs.String() != "submsg: a; submsg: all is well; \tb\n" {
		t.Errorf("%q", errs.String())
	}
	const want = `a\nsubmsg: all is well\u000d\n	b: a\nsubmsg: all is well\u000d\n	b
a\nsubmsg: all is well\u000d\n	b [y/N] 
┌────┬───────────────────────────────────┬──────────────────────┐
│  x │ y                                 │ z                    │
├────┼───────────────────────────────────┼──────────────────────┤
│  7 │ a\nsubmsg: all is well\u000d\n\tb │ a\nsubmsg: all is    │
│    │                                   │ well\u000d\n\tb      │
│    │                                   │ c                    │
│ 77 │ a\nsubmsg: all is well\u000d\n\tb │                      │
└────┴───────────────────────────────────┴──────────────────────┘
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Statements are as they were, unless a name or a text in them can't be shown: that is written in SQL's own way.
func TestOutputOfSQL(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 'a', \"中\"; -- it's\n\nSELECT E'\\'a\\\\'": "SELECT 'a', \"中\"; -- it's\n\nSELECT E'\\'a\\\\'",
		"f('a\n\x1b''\\\"b')":                              `f(E'a\u000a\u001b''\\"b')`,
		"f(\"a\u202e\"\"\\\U000e0041\", e'\\n\\'\u202e')":  `f(U&"a\202e""\\\+0e0041", e'\n\'\u202e')`,
		"'{\"\U000e0041\"}'::text[] -- it\u202es\n":        `E'{"\U000e0041"}'::text[] -- it\u202es` + "\n",
	} {
		var b strings.Builder
		NewOutput(&b).SQL(sql)
		if got := b.String(); got != want+"\n" {
			t.Errorf("%q\ngot  %q\nwant %q", sql, got, want)
		}
	}
}

// Without a terminal nothing steers one.
func TestOutputOffATerminal(t *testing.T) {
	var b bytes.Buffer
	out := NewOutput(&b)
	out.Clear()
	out.Title("a title")
	out.Progress("one")
	out.Progress("two\nthree")
	out.EndProgress()
	out.Back(3)
	if got := b.String(); got != "a title\none\ntwo\\nthree\n" || out.Width() != 0 {
		t.Errorf("%q", got)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// What couldn't be printed is told at the end.
func TestOutputFails(t *testing.T) {
	out := NewOutput(fullDisk{})
	out.Line("a")
	if n, err := out.Write([]byte("b")); n != 0 || !errors.Is(err, errFull) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := out.Flush(); !errors.Is(err, errFull) {
		t.Error(err)
	}
}
