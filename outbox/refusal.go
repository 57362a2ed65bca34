package outbox

import "github.com/submsg/submsg/outbox/internal/store"

// RefusesRow tells an error of the database about what was to be written (a constraint, somebody's trigger) from one
// that isn't about rows: rights and names, connections and shutdown, resources, locks.
func RefusesRow(err error) bool { return store.IsRefusal(err) }
