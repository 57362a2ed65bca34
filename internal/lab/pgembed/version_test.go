package pgembed

import "testing"

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct {
		line string
		want version
	}{
		{"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", version{15, 18, "15.18"}},
		{"postgres (PostgreSQL) 18.3", version{18, 3, "18.3"}},
		{"postgres (PostgreSQL) 9.6.24\n", version{9, 6, "9.6.24"}},
		{"postgres (PostgreSQL) 19devel\n", version{19, 0, "19devel"}},
		{"postgres (PostgreSQL) 18beta1\n", version{18, 0, "18beta1"}},
		{"postgres (PostgreSQL) 18rc2 (Homebrew)\n", version{18, 0, "18rc2"}},
		{"postgres (PostgreSQL) 16.4 (Postgres.app)\n", version{16, 4, "16.4"}},
		{"postgres (PostgreSQL) \n", version{}},
		{"postgres (PostgreSQL) 15.x\n", version{}},
		{"postgres (EnterpriseDB) 15.2\n", version{}},
		{"", version{}},
	} {
		got, err := parseVersion(tt.line)
		if got != tt.want || (err != nil) != (tt.want == version{}) {
			t.Errorf("parseVersion(%q) = %+v, %v", tt.line, got, err)
		}
	}
}

func TestVersionOrder(t *testing.T) {
	ascending := []version{{9, 6, "9.6"}, {14, 12, "14.12"}, {15, 2, "15.2"}, {15, 10, "15.10"}, {18, 0, "18beta1"}}
	for i, a := range ascending {
		for j, b := range ascending {
			if a.less(b) != (i < j) {
				t.Errorf("%v less than %v: %v", a, b, a.less(b))
			}
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("postgres (PostgreSQL) 15.18 (Debian)")
	f.Fuzz(func(t *testing.T, line string) {
		v, err := parseVersion(line)
		if (err == nil) == (v.text == "") || v.major < 0 || v.minor < 0 {
			t.Errorf("%q: %+v, %v", line, v, err)
		}
	})
}
