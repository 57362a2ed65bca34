package outbox

import "time"

// All times and limits of the package stand here, each with its reason; when and how often a message is tried again
// stands in retry.go. What an operator may set is a field of Config, and its default is the first group.

const (
	defaultSenders     = 64               // WeChat answers in some 100 ms, so this is several hundred messages a second
	defaultPoll        = 2 * time.Second  // the longest delay of a message whose wake was lost
	defaultSendTimeout = 20 * time.Second // a send takes 100 ms; WeChat at its worst answers after 10 s
	defaultProbeEvery  = 10 * time.Second // a pause that is over is noticed soon, and a stopped account isn't bothered
	defaultPing        = 15 * time.Second // routers forget a silent connection after a minute or more
	defaultCanary      = time.Minute      // a trial wake costs WAL, so it is made less often than a ping

	// settleTime is what the lease leaves between the end of a send and its settlement: enough to outlive a statement
	// that has to be repeated. The lease is SendTimeout + settleTime unless Config says otherwise.
	settleTime = 10 * time.Second
)

const (
	// statementTimeout bounds every statement: a database that doesn't answer for so long is treated as away.
	statementTimeout = 10 * time.Second
	// handOverTimeout bounds the last wake of a stopping consumer: the others find its messages by polling, too.
	handOverTimeout = 2 * time.Second
)

// Of claims.
const (
	// recipientQueueShare: at most a quarter of the senders' number may wait in one person's queue, because a message
	// that waits there takes the place of one that could go.
	recipientQueueShare = 4
	// While another replica sends to a person the database is asked so often whether it still does, and when nobody has
	// been seen to do so for personRest, claims take this person's messages again. The other one goes on meanwhile
	// without a rest, because it claims the next ones while its last one is on its way. Asking looks at all that is
	// being sent, so it takes a tenth of the time at most.
	personEvery = 20 * time.Millisecond
	personShare = 10
	personRest  = 300 * time.Millisecond
	// mostPassed: each claim hands so many people to the database at most, which compares each message with them.
	mostPassed = 100
	// releaseTwice: a server that stood still is done with what it had begun before by so long after it answers again.
	releaseTwice = time.Second
	// lookAgain is the rest where rows are due but locked by somebody, or where a sweep may have left some.
	lookAgain = 200 * time.Millisecond
	// turnRest keeps a dispatcher that finds nothing from turning without any rest.
	turnRest = time.Millisecond
	// giveUpRelease: a claim whose answer was lost, and that can't be given back for so long after its lease, is left
	// to the sweep, because no round goes on to claim before it is given back.
	giveUpRelease = 5 * time.Minute
	// skipFor is how long a row is left alone that the database refuses to write.
	skipFor = time.Minute
	// mostTableLocks: so many rounds in a row that meet a lock on a whole table, some seconds, are worth a word.
	mostTableLocks = 10
	// mostSkipped bounds the skiplist, which each claim hands to the database. Where more rows can't be written, the
	// reason isn't the rows.
	mostSkipped = 1000
)

// Of templates that this process doesn't know.
const (
	// defaultTemplateWait: a replica that is restarted with new template files knows them by then.
	defaultTemplateWait = time.Minute
	// mostGivenUp bounds the templateIds that are remembered while their last messages are being refused.
	mostGivenUp = 1000
)

// Of turns, which settle and claim in one transaction, while there is a backlog.
const (
	// Verdicts are collected for twice as long as the last turn's transaction took, within these bounds: a statement's
	// fixed cost is then shared by many messages. Where nothing is claimed ahead any more, a turn begins when a quarter
	// of the senders are free.
	collectShare   = 2
	leastCollect   = time.Millisecond
	mostCollect    = 10 * time.Millisecond
	collectSenders = 4
	// mostAhead: at most eight times as many messages as there are senders are claimed ahead. So many are in doubt
	// after a crash, beside those in flight.
	mostAhead = 8
	// aheadSmooth: a turn counts an eighth in what is measured, so that one that was held up changes little.
	aheadSmooth = 8
	// A claim looks at no fewer messages of a template than leastDepth, so that a few that can't go aren't in the way
	// of a single one, and at no more than mostDepth, where it finds hardly any that can.
	leastDepth = 16
	mostDepth  = 4096
	// A claim of more templates than fewTemplates seeks those of them that wait, which a loose index scan finds,
	// instead of each.
	fewTemplates = 32
	// readyWait is how long a turn waits for the Sender to say whether it is ready; then it settles only.
	readyWait = 10 * time.Millisecond
	// New messages are claimed past the backlog so often, and get a quarter of the free senders: a bulk of old messages
	// must not hold them up. New means: due within the last ten seconds (package store). As often a claim seeks all
	// templates, and not only those of the backlog.
	newestEvery = 20 * time.Millisecond
	newestShare = 4
	// A claim from the front of the queue may walk over many dead index entries, so it takes a tenth of the time at
	// most.
	frontShare = 10
	frontEvery = 50 * time.Millisecond
)

// Of the rate.
const (
	leastRate = 1. / 3600 // one message an hour
	mostRate  = 100_000.  // more than any database settles
	// permitsKept is how long a permit that wasn't used is kept: then another replica may need it more.
	permitsKept = time.Second
	// leastAsk is one more than a lone message needs: only then is it known that nothing else waits.
	leastAsk = 2
	// paceStep: a backlog is sent in a few steps a second rather than message by message.
	paceStep = 20 * time.Millisecond
	// paceLockedRest is the rest after the row of subMsgPace was found locked; after mostPaceLocks of them the log
	// says so.
	paceLockedRest = 100 * time.Millisecond
	mostPaceLocks  = 20
)

// Of what a consumer says of itself in subMsgReplica.
const (
	reportLook = time.Second      // how soon people see that something is wrong
	reportBusy = 5 * time.Second  // while only numbers change
	reportIdle = 30 * time.Second // a third of the time of subMsgLivingReplica; it costs an idle database nothing
	// mostTold bounds each list of messages in a report.
	mostTold = 100
)

// Of pauses and sweeps.
const (
	// accountTroubleLimit is how many sends in a row may meet everybody's trouble before the account is paused: one may
	// be chance.
	accountTroubleLimit = 5
	// sameRefusalLimit: when the messages of one template to so many people in a row are refused by the same errcode,
	// the reason isn't in them, and the others must not be burnt. Runs are kept for mostRefusalRuns templates.
	sameRefusalLimit = 20
	mostRefusalRuns  = 1000
	// mostCrashes: a message whose sender stopped so often may be what stops it.
	mostCrashes = 3
	// resendGap keeps messages apart that were in flight together when a sender stopped: the one among them that stops
	// it then takes no other along a second time.
	resendGap = 200 * time.Millisecond
)

// Of the search for orphaned rows, which reads the whole table as there is no index for it: in steps, with rests as
// those of retention.
const (
	orphansEvery = 24 * time.Hour
	orphansAgain = time.Minute // after an error, and where some were found
	orphansStep  = 2000        // ids looked at in one transaction
)

// Of retention, which reads the whole table as there is no index for it.
const (
	day            = 24 * time.Hour
	mostDays       = 36500
	retentionEvery = time.Hour
	retentionStep  = 1000 // ids looked at in one transaction, so that it is short
	retentionShare = 10   // after each step, a rest of so many times its duration: at most a tenth of a core is used
)
