// Package store holds all SQL of the queue: claims, settlements, looks, pauses, permits, and what ends by itself. A
// function is one transaction and one round trip. It knows no goroutine, no policy and no log: its callers say what is
// to be written and decide what an error means. Begin with Store.Exchange, then read claim.go and settle.go.
package store
