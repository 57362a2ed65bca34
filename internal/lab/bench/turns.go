package bench

import (
	"context"
	"fmt"
	"slices"
)

// series is one quantity, measured once a round.
type series []float64

func (s series) median() float64 { return s.quantile(0.5) }

// quantile interpolates between the nearest two, as percentile_cont does. It is 0 of nothing.
func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// side is one of those that take turns. It measures a fixed number of quantities.
type side struct {
	name    string
	measure func(context.Context) ([]float64, error)
}

// turns measures the sides in turn, round after round, so that what disturbs the machine for a while disturbs all of
// them. The result is by side, then by quantity.
func (l *lab) turns(ctx context.Context, what string, sides ...side) ([][]series, error) {
	out := make([][]series, len(sides))
	for round := range l.cfg.Scale.Rounds {
		for i, s := range sides {
			l.step("%s: round %d of %d, %s", what, round+1, l.cfg.Scale.Rounds, s.name)
			values, err := s.measure(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if round == 0 {
				out[i] = make([]series, len(values))
			}
			for k, v := range values {
				out[i][k] = append(out[i][k], v)
			}
		}
	}
	return out, nil
}
