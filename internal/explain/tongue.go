package explain

import (
	"os"
	"strings"
)

// ByLocale is the tongue of the person at this terminal: Chinese where the locale says so, else English. As in every
// program LC_ALL counts before LC_MESSAGES, and that before LANG.
func ByLocale() Tongue {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" {
			if strings.HasPrefix(value, "zh") {
				return Chinese
			}
			return English
		}
	}
	return English
}
