package messages

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "1.5h": 90 * time.Minute,
		"": 0, "d": 0, "-1d": 0, "-1h": 0, "0s": 0, "0d": 0, "7": 0, "1d12h": 0, "99999d": 0,
	} {
		var a age
		err := a.UnmarshalText([]byte(text))
		if time.Duration(a) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %s, %v, want %s", text, time.Duration(a), err, want)
		}
	}
}

func TestInstant(t *testing.T) {
	local := func(text string) time.Time {
		at, err := time.ParseInLocation(time.DateTime, text, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for text, want := range map[string]time.Time{
		"2026-07-26T03:00:00+08:00": time.Date(2026, 7, 25, 19, 0, 0, 0, time.UTC),
		"2026-07-26T03:00:00.5Z":    time.Date(2026, 7, 26, 3, 0, 0, 5e8, time.UTC),
		"2026-07-26 03:00:01":       local("2026-07-26 03:00:01"),
		"2026-07-26 03:00":          local("2026-07-26 03:00:00"),
		"2026-07-26":                local("2026-07-26 00:00:00"),
		"":                          {}, "3h": {}, "03:00": {}, "2026-02-30": {}, "26.7.2026": {}, "infinity": {},
	} {
		var i instant
		err := i.UnmarshalText([]byte(text))
		if !time.Time(i).Equal(want) || (err == nil) == want.IsZero() {
			t.Errorf("%q: %s, %v, want %s", text, time.Time(i), err, want)
		}
	}
}
