package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/cli/terminal"
)

func TestConfirm(t *testing.T) {
	for _, tt := range []struct {
		name, answer, wrong string
		code                int
	}{
		{"y", "y\n", "", ExitOK},
		{"yes, without a line's end", " YES", "", ExitOK},
		{"no", "n\n", "nothing was changed", ExitFailed},
		{"only return", "\n", "nothing was changed", ExitFailed},
		{"something else", "yesterday\n", "nothing was changed", ExitFailed},
		{"nobody there", "", "--yes", ExitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			term := terminal.New(strings.NewReader(tt.answer), &out, &errs)
			if code := report(term, term.Confirm("Sure?")); code != tt.code ||
				!strings.Contains(errs.String(), tt.wrong) {
				t.Errorf("exit code %d, %q; want %d, %q", code, errs.String(), tt.code, tt.wrong)
			}
		})
	}
}
