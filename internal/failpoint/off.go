//go:build !faults

// Package failpoint marks the places where the fault suite ends or freezes the process. Without the build tag
// "faults" a mark compiles to nothing. It knows nothing of what is tested. Begin at Hit and Variable in on.go.
package failpoint

// Hit marks a place.
func Hit(string) {}

// Reach marks a place that a value comes to.
func Reach(name, value string) {}
