//go:build faults

package faults

// bugs are mistakes that were made elsewhere or nearly here. Code that changes takes its bug along: a text that isn't
// found any more fails the test.
var bugs = []bug{
	{
		name: "settle without a fence", file: "outbox/settle.go",
		old:  `+ settlementsSQL + ` + "` USING (id, claimId)",
		new:  `+ settlementsSQL + ` + "` USING (id)",
		test: "^TestLateAnswerOfAnOlderSend$", cycles: 1, says: "broken promises: after the late answer",
	},
	{
		name: "the quick settlement without a fence", file: "outbox/settle.go",
		old:  `WHERE m.id = r.id AND m.claimId = r.claimId AND m.sendStatus = 'sending'`,
		new:  `WHERE m.id = r.id AND m.sendStatus = 'sending'`,
		test: "^TestLateAnswerOfAnOlderSend$", cycles: 1, says: "broken promises: after the late answer",
	},
	{
		name: "late answers are thrown away", file: "outbox/settle.go",
		old: `sendStatus IN ('sending', 'unknown')
    FOR UPDATE OF m`,
		new: `sendStatus IN ('sending')
    FOR UPDATE OF m`,
		test: "^TestFreeze$/^answered$", cycles: 1, says: "the late answer settles",
	},
	{
		name: "an expired lease goes back to wait", file: "outbox/look.go",
		old:  `return Verdict{Outcome: Unknown, Text: "发送中断，是否已送达未知；`,
		new:  `return Verdict{Outcome: Later, Text: "发送中断，是否已送达未知；`,
		test: "^TestCrashes$", cycles: 16, says: "duplicated:[1-9]",
	},
	{
		name: "success before the send", file: "outbox/pump.go",
		old:  `go func() { r.verdicts <- judged{m, r.send(ctx, m)} }()`,
		new:  `go func() { r.verdicts <- judged{m, Verdict{Outcome: Accepted}}; r.send(ctx, m) }()`,
		test: "^TestPeople$", cycles: 60, says: "falseSuccess:[1-9]",
	},
	{
		name: "no poll", file: "outbox/consumer.go",
		old:  `set(&cfg.Poll, 2*time.Second)`,
		new:  `cfg.Poll = time.Hour`,
		test: "^TestListenerHalfOpen$", cycles: 1, says: "a message is picked up by the poll at the latest",
	},
	{
		name: "no claim when it listens again", file: "outbox/listen.go",
		old:  `			c.wakeUp() // what was inserted while nobody listened`,
		new:  `			_ = c.wakeUp`,
		test: "^TestListensAgain$", cycles: 1, says: "not within .*every message comes to an end",
	},
	{
		name: "the lease by the worker's clock", file: "outbox/claim.go",
		old: `rows, err := c.cfg.Pool.Query(ctx, sql, c.shunned.ids(), arg, id, c.cfg.Lease)`,
		new: `ahead := time.Hour // this machine's clock
	var db time.Time
	if err := c.cfg.Pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&db); err != nil {
		return nil, err
	}
	rows, err := c.cfg.Pool.Query(ctx, sql, c.shunned.ids(), arg, id, time.Now().Add(ahead).Sub(db)+c.cfg.Lease)`,
		test: "^TestFreeze$/^written$", cycles: 1, says: "not within .*its message is unknown",
	},
	{
		name: "the guard of hand edits is off", file: "migrations/000002_hand_edits.up.sql",
		old:  `IF OLD.leaseUntil > clock_timestamp() THEN`,
		new:  `IF false THEN`,
		test: "^TestPeople$", cycles: 60, says: "was set from sending to|no edit was refused with .is being sent",
	},
	{
		name: "any status by hand", file: "migrations/000002_hand_edits.up.sql",
		old:  `AND was <> NEW.sendStatus`,
		new:  `AND false`,
		test: "^TestPeople$", cycles: 60, says: "broken promises: from .* by hand: error <nil>",
	},
	{
		name: "no drain on SIGTERM", file: "outbox/consumer.go",
		old:  `context.WithCancel(context.WithoutCancel(ctx))`,
		new:  `context.WithCancel(ctx)`,
		test: "^TestRollingRestart$", cycles: 10, says: "messages unknown, at most 0",
	},
	{
		name: "settlements wait for a person's lock", file: "outbox/settle.go",
		old: `    FOR UPDATE OF m SKIP LOCKED
)
UPDATE`,
		new: `    FOR UPDATE OF m
)
UPDATE`,
		test: "^TestRowsLocked$", cycles: 1, says: "not within .*all others have their outcome",
	},
	{
		name: "lost claims are forgotten", file: "outbox/pump.go",
		old: `r.lost[id] = time.Now()
		}
		return nil, fmt.Errorf("claim`,
		new: `}
		return nil, fmt.Errorf("claim`,
		test: "^TestLostClaim$", cycles: 1, says: "messages unknown, at most 0",
	},
	{
		name: "claims without a lock", file: "outbox/claim.go",
		old: `    ORDER BY sendAfter, id LIMIT $2
    FOR UPDATE SKIP LOCKED`,
		new:  `    ORDER BY sendAfter, id LIMIT $2`,
		test: "^TestNothingWrong$", cycles: 1, says: "worker \\d complains",
	},
	{
		name: "the URL with its token in the log", file: "internal/wechat/sender.go",
		old: `r := s.wire.post(ctx, s.url+url.QueryEscape(value), body)`,
		new: `s.log.Debugf("POST %s", s.url+url.QueryEscape(value))
		r := s.wire.post(ctx, s.url+url.QueryEscape(value), body)`,
		test: "^TestRollingRestart$", cycles: 10, says: "a secret in the log",
	},
	{
		name: "a token by force", file: "internal/wechat/stabletoken.go",
		old:  `"force_refresh":false}`,
		new:  `"force_refresh":true}`,
		test: "^TestTokenDies$", cycles: 60, says: "tokens were asked for otherwise|not within .*every message comes to an end",
	},
	{
		name: "redirects are followed", file: "internal/wechat/wire.go",
		old:  `w.rt.RoundTrip(req)`,
		new:  `(&http.Client{Transport: w.rt}).Do(req)`,
		test: "^TestRedirects$", cycles: 1, says: "falseSuccess:[1-9]",
	},
	{
		name: "a pause is never lifted", file: "outbox/pause.go",
		old:  `return v, nil, liftSQL`,
		new:  `return v, nil, ""`,
		test: "^TestRedirects$", cycles: 1, says: "not within .*the pause is lifted",
	},
	{
		name: "5xx taken for not sent", file: "internal/wechat/judge.go",
		old:  `return clientError, status >= 400 && status < 500`,
		new:  `return clientError, status >= 400`,
		test: "^TestMisbehaviour$", cycles: 1, says: "duplicated:[1-9]",
	},
	{
		name: "net/http may send twice", file: "internal/wechat/wire.go",
		old:  `req.GetBody = nil // what net/http can't rewind, it can't send twice`,
		new:  `req.Header.Set("Idempotency-Key", "1")`,
		test: "^TestMisbehaviour$", cycles: 1, says: "duplicated:[1-9]",
	},
	{
		name: "43101 of a second try taken for fail", file: "internal/wechat/judge.go",
		old:  `rule = landed`,
		new:  `_ = landed`,
		test: "^TestOnePermission$", cycles: 1, says: "falseFail:[1-9]",
	},
	{
		name: "one person's messages all at once", file: "outbox/claim.go",
		old:  `SELECT DISTINCT ON (openid) id FROM due ORDER BY openid, id`,
		new:  `SELECT id FROM due`,
		test: "^TestOneReplicaOnePersonAtATime$", cycles: 1, says: "answers 43108 to one replica",
	},
}
