package wechat

import (
	"testing"
	"time"
)

// A daily quota is tried again when the day has changed in Beijing, and soon where that is a matter of clocks.
func TestUntilQuotaReset(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]time.Duration{
		"2026-11-27T12:00:00+08:00": 12*time.Hour + quotaGrace,
		"2026-11-27T04:00:00Z":      12*time.Hour + quotaGrace,
		"2026-11-27T15:59:59Z":      time.Second + quotaGrace,
		"2026-11-27T16:00:00Z":      quotaAgain,
		"2026-11-27T16:59:59Z":      quotaAgain,
		"2026-11-27T17:00:00Z":      23*time.Hour + quotaGrace,
		"2026-12-31T23:00:00+08:00": time.Hour + quotaGrace,
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := untilQuotaReset(now); got != want {
			t.Errorf("at %s: %s, want %s", at, got, want)
		}
	}
}
