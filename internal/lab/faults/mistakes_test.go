//go:build faults

package faults

// bugs are mistakes that were made elsewhere or nearly here. Code that changes takes its bug along: a text that isn't
// found any more fails the test.
var bugs = []bug{
	{
		name: "settle without a fence", file: "outbox/internal/store/settle.go",
		old:  `+ settlementsSQL + ` + "` USING (id, claimId)",
		new:  `+ settlementsSQL + ` + "` USING (id)",
		test: "^TestLateAnswerOfAnOlderSend$", cycles: 1, says: "broken promises: after the late answer",
	},
	{
		name: "the quick settlement without a fence", file: "outbox/internal/store/settle.go",
		old:  `WHERE m.id = r.id AND m.claimId = r.claimId AND m.sendStatus = 'sending'`,
		new:  `WHERE m.id = r.id AND m.sendStatus = 'sending'`,
		test: "^TestLateAnswerOfAnOlderSend$", cycles: 1, says: "broken promises: after the late answer",
	},
	{
		name: "late answers are thrown away", file: "outbox/internal/store/settle.go",
		old: `sendStatus IN ('sending', 'unknown')
    FOR UPDATE OF m`,
		new: `sendStatus IN ('sending')
    FOR UPDATE OF m`,
		test: "^TestFreeze$/^answered$", cycles: 1, says: "the late answer settles",
	},
	{
		name: "an expired lease goes back to wait", file: "outbox/housekeeper.go",
		old:  `return Verdict{Outcome: Unknown, Kind: kindCrashed,`,
		new:  `return Verdict{Outcome: Later, Kind: kindCrashed,`,
		test: "^TestCrashes$", cycles: 16, says: "duplicated:[1-9]",
	},
	{
		name: "success before the send", file: "outbox/send.go",
		old: `s.verdicts <- judged{m, s.send(ctx, m)}`,
		new: `s.verdicts <- judged{m, Verdict{Outcome: Accepted}}
		s.send(ctx, m)`,
		test: "^TestPeople$", cycles: 60, says: "falseSuccess:[1-9]",
	},
	{
		name: "no poll", file: "outbox/consumer.go",
		old:  `set(&cfg.Poll, defaultPoll)`,
		new:  `cfg.Poll = time.Hour`,
		test: "^TestListenerHalfOpen$", cycles: 1, says: "a message is picked up by the poll at the latest",
	},
	{
		name: "no claim when it listens again", file: "outbox/internal/wake/listener.go",
		old:  `			l.wakeUp(time.Time{}) // what was inserted while nobody listened`,
		new:  `			_ = l.wakeUp`,
		test: "^TestListensAgain$", cycles: 1, says: "not within .*every message comes to an end",
	},
	{
		name: "the lease by the worker's clock", file: "outbox/claimer.go",
		old:  `Lease: c.cfg.Lease,`,
		new:  `Lease: time.Until(c.clock.at(bootTime()).Add(2*time.Hour)) + c.cfg.Lease,`,
		test: "^TestFreeze$/^written$", cycles: 1, says: "not within .*its message is unknown",
	},
	{
		name: "the guard of hand edits is off", file: "migrations/objects/guards.sql",
		old:  `IF OLD.leaseUntil > clock_timestamp() THEN`,
		new:  `IF false THEN`,
		test: "^TestPeople$", cycles: 60, says: "was set from sending to|no edit was refused with .is being sent",
	},
	{
		name: "any status by hand", file: "migrations/objects/guards.sql",
		old:  `NEW.sendStatus <> was AND (was, NEW.sendStatus) NOT IN (`,
		new:  `false AND (was, NEW.sendStatus) NOT IN (`,
		test: "^TestPeople$", cycles: 60, says: "broken promises: from .* by hand: error <nil>",
	},
	{
		name: "no drain on SIGTERM", file: "outbox/consumer.go",
		old:  `context.WithCancel(context.WithoutCancel(ctx))`,
		new:  `context.WithCancel(ctx)`,
		test: "^TestRollingRestart$", cycles: 10, says: "messages unknown, at most 0",
	},
	{
		name: "settlements wait for a person's lock", file: "outbox/internal/store/store.go",
		old:  `'lock_timeout', '20ms'`,
		new:  `'lock_timeout', '0'`,
		test: "^TestRowsLocked$", cycles: 1, says: "not within .*all others have their outcome",
	},
	{
		name: "lost claims are forgotten", file: "outbox/turn.go",
		old:  `d.claimer.lose(&w)`,
		new:  `_ = d.claimer.lose`,
		test: "^TestLostClaim$", cycles: 1, says: "messages unknown, at most 0",
	},
	{
		name: "lost claims of the newest are forgotten", file: "outbox/claimer.go",
		old: `for _, claim := range w.claims() {
		c.hold`,
		new: `for _, claim := range w.claims() {
		if claim.Newest {
			continue
		}
		c.hold`,
		test: "^TestLostExchange$", cycles: 1, says: "messages unknown, at most 0",
	},
	{
		name: "a backlog's floor never comes down", file: "outbox/seek.go",
		old:  `now-s.frontAt > max(frontEvery, frontShare*s.frontTook)`,
		new:  `false`,
		test: "^TestOlderThanTheBacklog$", cycles: 1, says: "waited for the end of the backlog",
	},
	{
		name: "claims without a lock", file: "outbox/internal/store/claim_sql.go",
		old:  `LIMIT a.most FOR UPDATE OF m SKIP LOCKED) AS d`,
		new:  `LIMIT a.most) AS d`,
		test: "^TestWaitingRowLocked$", cycles: 1, says: "not within .*all others are sent",
	},
	{
		name: "the URL with its token in the log", file: "internal/channel/wechat/sender.go",
		old: `r := s.wire.Post(ctx, s.sendURL+url.QueryEscape(value), body)`,
		new: `s.log.Debugf("POST %s", s.sendURL+url.QueryEscape(value))
		r := s.wire.Post(ctx, s.sendURL+url.QueryEscape(value), body)`,
		test: "^TestRollingRestart$", cycles: 10, says: "a secret in the log",
	},
	{
		name: "a token by force", file: "internal/channel/weixin/stabletoken.go",
		old:  `ForceRefresh: false`,
		new:  `ForceRefresh: true`,
		test: "^TestTokenDies$", cycles: 60, says: "tokens were asked for otherwise|not within .*every message comes to an end",
	},
	{
		name: "redirects are followed", file: "internal/channel/wire/wire.go",
		old:  `c.transport.RoundTrip(req)`,
		new:  `(&http.Client{Transport: c.transport}).Do(req)`,
		test: "^TestRedirects$", cycles: 1, says: "falseSuccess:[1-9]",
	},
	{
		name: "a pause is never lifted", file: "outbox/settler.go",
		old:  `lifted, err = s.store.Lift(ctx, r.lift, r.accepted, kindEverythingRefused)`,
		new:  ``,
		test: "^TestRedirects$", cycles: 1, says: "not within .*the pause is lifted",
	},
	{
		name: "5xx taken for not sent", file: "internal/channel/wechat/judge.go",
		old:  `return clientError, status >= 400 && status < 500`,
		new:  `return clientError, status >= 400`,
		test: "^TestMisbehaviour$", cycles: 1, says: "duplicated:[1-9]",
	},
	{
		name: "net/http may send twice", file: "internal/channel/wire/wire.go",
		old: `req.GetBody = nil // what net/http can't rewind, it can't send twice
	req.Header = c.header`,
		new: `req.Header = c.header.Clone()
	req.Header.Set("Idempotency-Key", "1")`,
		test: "^TestMisbehaviour$", cycles: 1, says: "duplicated:[1-9]",
	},
	{
		name: "43101 of a second try taken for fail", file: "internal/channel/wechat/judge.go",
		old:  `a.Code == 43101 && m.claimed.Attempt > 1`,
		new:  `a.Code == 43101 && m.claimed.Attempt < 0`,
		test: "^TestOnePermission$", cycles: 1, says: "falseFail:[1-9]",
	},
	{
		name: "one person's messages all at once", file: "outbox/queue.go",
		old:  `case !busy:`,
		new:  `case !busy || true:`,
		test: "^TestOneReplicaOnePersonAtATime$", cycles: 1, says: "answers 43108 to one replica",
	},
	{
		name: "as many as there are are claimed ahead", file: "outbox/ahead.go",
		old:  `return min(int(math.Ceil(m.back/m.between*m.cycle)), m.most)`,
		new:  `return m.most + int(math.Ceil(m.back))`,
		test: "^TestKilledInABacklog$", cycles: 1, says: "messages unknown, at most",
	},
}
