// Package terminal is how a command talks with the person who runs it: what it reads and prints, in lines, in tables,
// as JSON and as questions, and which of its errors are mistakes in what the person wrote.
//
// It is the one place where text that others wrote becomes printable, so that no name in a database and no word of
// WeChat's can steer a terminal, or pass for a line of submsg's own. It knows no database and no message. Begin with
// Terminal, then Output.
package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Terminal is where a command reads and prints.
type Terminal struct {
	In       io.Reader
	Out, Err *Output
}

// New is a terminal of these three.
func New(in io.Reader, out, err io.Writer) Terminal {
	return Terminal{in, NewOutput(out), NewOutput(err)}
}

// Tell says on standard error, on one line, what isn't what the person asked for: an error, a warning, how far it is.
func (t Terminal) Tell(format string, args ...any) {
	t.Err.Line("submsg: %s", OneLine(fmt.Sprintf(format, args...)))
}

// Confirm asks a question whose answer must be y or yes. Where nobody answers, --yes has to.
func (t Terminal) Confirm(question string) error {
	fmt.Fprintf(t.Out, "%s [y/N] ", unbroken(question))
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
