package bench

import (
	"testing"
	"time"
)

func TestProcessorTicks(t *testing.T) {
	const stat = `17 (post) gres: 1 2) S 1 17 17 0 -1 4194560 1 0 0 0 250 31 9 9 20 0 1 0 5 6 7`
	if got, err := processorTicks(stat); err != nil || got != 281 {
		t.Errorf("%d, %v; want 250 + 31", got, err)
	}
	for _, wrong := range []string{"", "17 (x) S 1", "17 (x) S 1 17 17 0 -1 4194560 1 0 0 0 a b 9"} {
		if _, err := processorTicks(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// What this process burns is seen.
func TestOwnCPU(t *testing.T) {
	before, err := ownCPU()
	if err != nil {
		t.Fatal(err)
	}
	for now := before; now-before < 10*time.Millisecond; {
		if now, err = ownCPU(); err != nil {
			t.Fatal(err)
		}
	}
}
