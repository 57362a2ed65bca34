package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Output is where a command prints. What passes through it is Printable, whoever wrote it, and whether a terminal, a
// pipe or a file takes it: a person may read it later. So no value that a command prints has to be looked at before.
//
// The names of the methods say what keeps its line breaks: a value in a Line or in the cell of a Table can't begin a
// line of its own; Text, JSON and what is written by Write keep theirs.
type Output struct {
	to     io.Writer
	mu     sync.Mutex
	rest   []byte // the beginning of a character whose end hasn't been written yet
	failed error  // the first error of to
}

// NewOutput prints to a file, a terminal or whatever else takes text.
func NewOutput(to io.Writer) *Output { return &Output{to: to} }

// Write is for those who print by themselves: the log, the parser of the command line.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := append(o.rest, p...)
	n := whole(text)
	o.rest = slices.Clone(text[n:])
	if err := o.put(appendPrintable(nil, text[:n])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// put is for holders of the lock.
func (o *Output) put(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := o.to.Write(text)
	if o.failed == nil {
		o.failed = err
	}
	return err
}

// Flush prints what is left of an unfinished character, and tells whether anything couldn't be printed.
func (o *Output) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.put(appendPrintable(nil, o.rest)) // failed holds its error
	o.rest = nil
	return o.failed
}

// Line prints one line.
func (o *Output) Line(format string, args ...any) { o.Text(unbroken(fmt.Sprintf(format, args...))) }

// Text prints the lines of a text that the program has made, in which no value brings line breaks of its own.
func (o *Output) Text(text string) { fmt.Fprintln(o, text) }

// Table prints a table.
func (o *Output) Table(t *Table) { o.Text(t.String()) }

// JSON is for programs that read what a command prints.
func (o *Output) JSON(v any) error {
	encoder := json.NewEncoder(o)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
