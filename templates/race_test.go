//go:build race

package templates

// raced: the race detector allocates, too.
const raced = true
