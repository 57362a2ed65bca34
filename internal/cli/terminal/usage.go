package terminal

import "fmt"

// UsageError is a mistake in flags, environment or configuration: exit code 2.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

func (e UsageError) Unwrap() error { return e.Err }

// BadUsage is fmt.Errorf of a UsageError.
func BadUsage(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Values are the parameters on a command line. The -- that keeps a first value like -1 from being a flag comes along as
// if it were a value too.
func Values(params []string) []string {
	if len(params) > 0 && params[0] == "--" {
		return params[1:]
	}
	return params
}
