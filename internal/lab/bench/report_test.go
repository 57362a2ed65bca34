package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    series
		q    float64
		want float64
	}{
		{"of nothing", nil, 0.5, 0},
		{"of one", series{7}, 0.99, 7},
		{"the middle of three, unsorted", series{9, 1, 4}, 0.5, 4},
		{"between two", series{1, 2}, 0.5, 1.5},
		{"the last", series{3, 5, 4}, 1, 5},
		{"the first", series{3, 5, 4}, 0, 3},
		{"between the last two", series{0, 10, 20, 30, 40}, 0.9, 36},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := append(series{}, tt.s...)
			if got := tt.s.quantile(tt.q); got != tt.want {
				t.Errorf("quantile(%g) = %g, want %g", tt.q, got, tt.want)
			}
			if diff := cmp.Diff(before, append(series{}, tt.s...)); diff != "" {
				t.Errorf("the series was changed: %s", diff)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name         string
		value, limit series
		goal         *Goal
		ratio        float64
		met          bool
		text         string
	}{
		{"as fast as asked", series{80, 90, 85}, series{100, 90, 110}, ratioAtLeast(0.85), 0.85, true, "≥ 0.85 ×"},
		{"slower", series{84}, series{100}, ratioAtLeast(0.85), 0.84, false, "≥ 0.85 ×"},
		{"as late as allowed", series{2}, series{1}, ratioAtMost(2), 2, true, "≤ 2.00 ×"},
		{"later", series{3}, series{1}, ratioAtMost(2), 3, false, "≤ 2.00 ×"},
		{"no ratio is no success", series{3}, series{0}, ratioAtMost(2), 0, false, "≤ 2.00 ×"},
		{"as much as allowed", series{1200}, series{500}, valueAtMost(1200), 2.4, true, "≤ 1200 B"},
		{"more", series{1201}, nil, valueAtMost(1200), 0, false, "≤ 1200 B"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := compare("x", Bytes, tt.value, tt.limit, tt.goal)
			if l.Ratio != tt.ratio || *l.Met != tt.met {
				t.Errorf("ratio %g, met %v; want %g, %v", l.Ratio, *l.Met, tt.ratio, tt.met)
			}
			if got := l.Goal.Text(Bytes); got != tt.text {
				t.Errorf("goal %q, want %q", got, tt.text)
			}
		})
	}
	if l := compare("x", Bytes, series{1}, nil, nil); l.Met != nil || l.Goal.Text(Bytes) != "" {
		t.Errorf("without a goal: %+v", l)
	}
}

func TestUnitText(t *testing.T) {
	for _, tt := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{PerSecond, 12345.6, "12346/s"},
		{PerSecond, 0.5, "0.50/s"},
		{Seconds, 0.000843, "843 µs"},
		{Seconds, -0.000043, "-43.0 µs"},
		{Seconds, 0.00125, "1.25 ms"},
		{Seconds, 12.34, "12.3 s"},
		{Bytes, 1180, "1180 B"},
		{Bytes, 64 << 20, "64.0 MiB"},
		{BytesPerS, 0, "0 B/s"},
		{PerMessage, 1.375, "1.38/message"},
	} {
		if got := tt.unit.Text(tt.v); got != tt.want {
			t.Errorf("%s: Text(%g) = %q, want %q", tt.unit, tt.v, got, tt.want)
		}
	}
}
