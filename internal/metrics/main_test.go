package metrics

import (
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// named is a catalogue of one template.
func named(idOrName string) string {
	if idOrName == "orderStatus" || idOrName == "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc" {
		return "orderStatus"
	}
	return ""
}
