// Package outbox is the queue between a business transaction and a message's channel, kept in the Postgres table
// subMsgList (package migrations). Applications put messages in by plain SQL or by [Insert]; a [Consumer] takes them
// out and hands them to a [Sender]. The package knows Postgres; it knows no channel, no template and no rule of
// WeChat. Any number of consumers run side by side, with nothing shared but the database, whose clock is the only
// one. Begin reading at consumer.go, or at README.md, which shows the states of a message.
//
// A message goes one way, each stop in one place:
//
//	insert   message.go    the message exists if and only if the application's transaction commits
//	wake     listener.go   a NOTIFY says "look"; the poll finds what no wake announced (look.go, sleep.go)
//	claim    claimer.go    the row says "sending", and until when (claim_due.go; the statements are in claim.go)
//	send     send.go       a Sender renders it, sends it and judges the answer: a Verdict (verdict.go)
//	settle   settler.go    the verdict is written into the row (settle.go); retry.go decides about another try
//	sweep    sweep.go      a row whose lease ends without a settlement becomes "unknown": it may have been sent
package outbox
