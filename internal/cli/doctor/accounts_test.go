package doctor

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/doctor"
)

func TestOfAll(t *testing.T) {
	of := func(account string, level doctor.Level, says, remedy string) doctor.Finding {
		return doctor.Finding{Check: account, Level: level, Says: says, Remedy: remedy}
	}
	well, ill := of("shopA", doctor.OK, "fine", ""), of("shopB", doctor.Fail, "no", "do")
	worse, fake := of("shopC", doctor.Fail, "never", ""), of("default", doctor.Warn, "fake", "set")
	for _, tt := range []struct {
		name  string
		given []doctor.Finding
		want  doctor.Finding
	}{
		{"one", []doctor.Finding{ill}, ill},
		{"well", []doctor.Finding{well, well}, doctor.Fine("of 2 accounts: the credentials are right, and this address may use them")},
		{"one of two", []doctor.Finding{well, ill}, of("", doctor.Fail, "shopB: no", "shopB: do")},
		{"two of four", []doctor.Finding{worse, well, fake, ill}, of("", doctor.Fail, "shopC: never; shopB: no", "shopB: do")},
		{"a warning", []doctor.Finding{fake, well}, of("", doctor.Warn, "default: fake", "default: set")},
	} {
		if diff := cmp.Diff(tt.want, ofAll(tt.given)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
