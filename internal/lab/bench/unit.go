package bench

import "fmt"

// Unit is what a Line's numbers count.
type Unit string

const (
	PerSecond  Unit = "1/s"
	Seconds    Unit = "s"
	Bytes      Unit = "B"
	BytesPerS  Unit = "B/s"
	PerMessage Unit = "1/message"
)

// Text is a number with its unit, in three digits or as many as its integer part has.
func (u Unit) Text(v float64) string {
	switch u {
	case Seconds:
		return duration(v)
	case Bytes:
		if v >= 1<<20 {
			return digits(v/(1<<20)) + " MiB"
		}
		return digits(v) + " B"
	case BytesPerS:
		return digits(v) + " B/s"
	case PerMessage:
		return digits(v) + "/message"
	}
	return digits(v) + "/s"
}

func duration(s float64) string {
	switch abs := max(s, -s); {
	case abs < 1e-3:
		return digits(s*1e6) + " µs"
	case abs < 1:
		return digits(s*1e3) + " ms"
	}
	return digits(s) + " s"
}

func digits(v float64) string {
	switch abs := max(v, -v); {
	case abs == 0:
		return "0"
	case abs < 10:
		return fmt.Sprintf("%.2f", v)
	case abs < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
