package terminal

import (
	"testing"
	"time"
)

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30s", 10 * time.Minute: "10m", time.Hour: "1h", 20 * time.Hour: "20h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 100 * time.Millisecond: "100ms",
	} {
		if got := ShortDuration(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
}

func TestShortOpenID(t *testing.T) {
	for openid, want := range map[string]string{"oABCD5EFgh1JKlmnOPqrStuVwxYz": "oABC***wxYz", "short": "***", "": "",
		"o": "*"} {
		if got := ShortOpenID(openid); got != want {
			t.Errorf("%q: %q, want %q", openid, got, want)
		}
	}
}
