package explain

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59900 * time.Millisecond: "59s", time.Minute: "1m0s", 3*time.Minute + 20*time.Second: "3m20s",
		5*time.Hour + 7*time.Minute: "5h7m", 47 * time.Hour: "47h0m", 6 * 24 * time.Hour: "6d", -time.Minute: "-1m0s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
