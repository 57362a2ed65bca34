package terminal

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// What steers a terminal. Nothing else that is printed may hold an escape.
const (
	boldOn      = "\x1b[1m"
	boldOff     = "\x1b[0m"
	clearLine   = "\r\x1b[K"
	clearScreen = "\x1b[H\x1b[2J"
	upAndClear  = "\x1b[%dA\x1b[J"
)

// steer goes around what makes text printable. It does nothing where no terminal is.
func (o *Output) steer(sequence string) {
	if o.Width() > 0 {
		_ = o.Flush() // it comes up again at the end
		o.mu.Lock()
		defer o.mu.Unlock()
		_, _ = io.WriteString(o.to, sequence)
	}
}

// Width is that of the terminal, 0 where the output isn't one.
func (o *Output) Width() int {
	if file, ok := o.to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// Title prints a line in bold, where a terminal can and nobody minds.
func (o *Output) Title(title string) {
	if os.Getenv("NO_COLOR") == "" {
		o.steer(boldOn)
		defer o.steer(boldOff)
	}
	o.Line("%s", title)
}

// Progress shows a step in the place of the one before; without a terminal each is a line.
func (o *Output) Progress(step string) {
	width := o.Width()
	if width == 0 {
		o.Line("%s", step)
		return
	}
	o.steer(clearLine)
	fmt.Fprint(o, text.Trim(cell(step), width-1))
}

// EndProgress takes the last step away, where a terminal shows it.
func (o *Output) EndProgress() { o.steer(clearLine) }

// Clear takes everything from the screen.
func (o *Output) Clear() { o.steer(clearScreen) }

// Back takes the last lines from the screen.
func (o *Output) Back(lines int) { o.steer(fmt.Sprintf(upAndClear, lines)) }
