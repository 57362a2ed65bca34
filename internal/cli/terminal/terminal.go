// Package terminal is how a command talks with the person who runs it: what it reads and prints, in tables, as JSON and
// as questions, and which of its errors are mistakes in what the person wrote.
//
// It knows no database and no message. Begin with Terminal.
package terminal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Terminal is where a command reads and prints.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// PrintJSON is for programs that read what a command prints.
func (t Terminal) PrintJSON(v any) error {
	encoder := json.NewEncoder(t.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// Confirm asks a question whose answer must be y or yes. Where nobody answers, --yes has to.
func (t Terminal) Confirm(question string) error {
	fmt.Fprintf(t.Out, "%s [y/N] ", question)
	answer, err := bufio.NewReader(t.In).ReadString('\n')
	fmt.Fprintln(t.Out)
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	case "":
		if errors.Is(err, io.EOF) {
			return BadUsage("nobody answers here: say --yes, if you are sure")
		}
	}
	return errors.New("nothing was changed")
}

// Width is that of the terminal, 0 where the output isn't one.
func (t Terminal) Width() int {
	if out, ok := t.Out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		if w, _, err := term.GetSize(int(out.Fd())); err == nil {
			return w
		}
	}
	return 0
}
