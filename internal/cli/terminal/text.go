package terminal

import (
	"fmt"
	"strings"
	"time"
)

// ShortOpenID tells a person whose it is, and nobody else.
func ShortOpenID(openid string) string {
	if letters := []rune(openid); len(letters) >= 16 {
		return string(letters[:4]) + "***" + string(letters[len(letters)-4:])
	}
	return strings.Repeat("*", min(len(openid), 3))
}

// ShortDuration is 1h instead of 1h0m0s.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Some is the first of the values, and how many there are.
func Some(values []string) string {
	const most = 5
	if len(values) > most {
		return fmt.Sprintf("%s, … (%d)", strings.Join(values[:most], ", "), len(values))
	}
	return strings.Join(values, ", ")
}
