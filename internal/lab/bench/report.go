package bench

import "fmt"

// Report is a run's outcome.
type Report struct {
	Postgres Postgres `json:"postgres"`
	CPUs     int      `json:"cpus"`
	Seconds  float64  `json:"seconds"` // the whole run
	Lines    []Line   `json:"lines"`
}

// Postgres is what the server said of itself: the figures mean little without.
type Postgres struct {
	Version           string `json:"version"`
	Private           bool   `json:"private"`
	Fsync             string `json:"fsync"`
	SynchronousCommit string `json:"synchronousCommit"`
	FullPageWrites    string `json:"fullPageWrites"`
	SharedBuffers     string `json:"sharedBuffers"`
}

// Line is one comparison: medians over the rounds.
type Line struct {
	Figure string  `json:"figure"`
	Unit   Unit    `json:"unit"`
	Value  float64 `json:"value"`
	Limit  float64 `json:"limit,omitzero"`
	Ratio  float64 `json:"ratio,omitzero"` // value / limit, where there is a limit
	Goal   *Goal   `json:"goal,omitempty"`
	Met    *bool   `json:"met,omitempty"`

	Rounds struct { // what the medians are of, in order
		Value []float64 `json:"value"`
		Limit []float64 `json:"limit,omitempty"`
	} `json:"rounds"`
}

// compare makes a Line of what was measured by turns; limit is nil where there is none.
func compare(figure string, unit Unit, value, limit series, goal *Goal) Line {
	l := Line{Figure: figure, Unit: unit, Value: value.median(), Goal: goal}
	l.Rounds.Value = value
	if len(limit) > 0 {
		l.Limit, l.Rounds.Limit = limit.median(), limit
		if l.Limit > 0 {
			l.Ratio = l.Value / l.Limit
		}
	}
	if goal != nil {
		met := goal.met(l)
		l.Met = &met
	}
	return l
}

// Goal bounds a line's ratio or its value.
type Goal struct {
	Of    string  `json:"of"` // "ratio" or "value"
	Least bool    `json:"least"`
	Bound float64 `json:"bound"`
}

func ratioAtLeast(bound float64) *Goal { return &Goal{"ratio", true, bound} }
func ratioAtMost(bound float64) *Goal  { return &Goal{"ratio", false, bound} }
func valueAtMost(bound float64) *Goal  { return &Goal{"value", false, bound} }

func (g *Goal) met(l Line) bool {
	switch {
	case g.Of == "value":
		return l.Value <= g.Bound
	case g.Least:
		return l.Ratio >= g.Bound
	}
	return l.Ratio > 0 && l.Ratio <= g.Bound
}

// Text is the goal as a table shows it.
func (g *Goal) Text(unit Unit) string {
	switch {
	case g == nil:
		return ""
	case g.Of == "value":
		return "≤ " + unit.Text(g.Bound)
	case g.Least:
		return fmt.Sprintf("≥ %.2f ×", g.Bound)
	}
	return fmt.Sprintf("≤ %.2f ×", g.Bound)
}
