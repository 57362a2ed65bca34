package attacks

import (
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
