//go:build race

package outbox

// raced: the race detector allocates, too.
const raced = true
