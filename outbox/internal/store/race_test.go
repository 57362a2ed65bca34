//go:build race

package store

// raced says that the race detector is on, which allocates, too.
const raced = true
