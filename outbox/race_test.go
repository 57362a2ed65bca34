//go:build race

package outbox

// raced says that the race detector is on, which allocates, too.
const raced = true
