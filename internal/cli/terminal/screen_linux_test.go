package terminal

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// On a terminal, what steers it comes from these methods only, and no value can.
func TestScreen(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	screen, end := pseudoTerminal(t, 20)
	out := NewOutput(screen)
	if out.Width() != 20 {
		t.Fatalf("it is %d wide", out.Width())
	}
	const value = "v\x1b[2J"
	out.Title(value)
	out.Progress(value + strings.Repeat("x", 20))
	out.EndProgress()
	out.Clear()
	out.Line(value)
	out.Back(1)
	const want = "\x1b[1mv\\u001b[2J\n\x1b[0m" + "\r\x1b[Kv\\u001b[2Jxxxxxxxxx" + "\r\x1b[K" +
		"\x1b[H\x1b[2J" + "v\\u001b[2J\n" + "\x1b[1A\x1b[J"
	if got := end(); got != want {
		t.Errorf("\n%q, want\n%q", got, want)
	}
}

// pseudoTerminal is a terminal so many columns wide, and what it has shown at the end.
func pseudoTerminal(t *testing.T, width uint16) (screen *os.File, end func() string) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { other.Close() })
	fd := int(other.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: 10})
	}
	if err == nil {
		screen, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { screen.Close() })
	const last = "\x04"
	return screen, func() string {
		if _, err := screen.WriteString(last); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for part := make([]byte, 1024); !strings.HasSuffix(got.String(), last); {
			n, err := other.Read(part)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(part[:n])
		}
		return strings.ReplaceAll(strings.TrimSuffix(got.String(), last), "\r\n", "\n")
	}
}
