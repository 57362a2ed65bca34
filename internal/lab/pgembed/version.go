package pgembed

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// version is a PostgreSQL release: 15.3 is {15, 3, "15.3"}, 18beta1 is {18, 0, "18beta1"}.
type version struct {
	major, minor int
	text         string
}

func (v version) String() string { return v.text }

func (v version) less(other version) bool {
	return cmp.Or(cmp.Compare(v.major, other.major), cmp.Compare(v.minor, other.minor)) < 0
}

var versionPattern = regexp.MustCompile(
	`\(PostgreSQL\) ((\d{1,4})(?:\.(\d{1,4})(?:\.\d+)?|devel|(?:alpha|beta|rc)\d+)?)(?:\s|$)`,
)

// parseVersion reads what `postgres --version` prints; distributions add words of their own.
func parseVersion(s string) (version, error) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil {
		return version{}, fmt.Errorf("not a version of PostgreSQL: %.80q", s)
	}
	major, _ := strconv.Atoi(m[2])
	minor, _ := strconv.Atoi(m[3]) // "" for a release to come
	return version{major, minor, m[1]}, nil
}
