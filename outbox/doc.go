// Package outbox is the queue between a business transaction and a message's channel, kept in the
// Postgres table subMsgList (package migrations).
//
// A message goes one way, each stop in one place:
//
//	INSERT → wake → claim → send → verdict → settle
//
// An application inserts a row in its own transaction, by plain SQL or by [Insert]. A [Consumer] is woken by
// NOTIFY (or finds the row by polling: the poll is the truth, the wake a hint), claims as many rows as it has
// free senders, hands each to its [Sender], and writes the [Verdict] back. A row whose lease is over without a
// settlement becomes "unknown": it may have been sent, so it is never sent again by itself.
//
// Any number of consumers run side by side, with nothing shared but Postgres. All times are the database's.
// The package knows Postgres; it knows no channel and no template.
package outbox
