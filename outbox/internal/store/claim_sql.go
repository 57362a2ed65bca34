package store

// A claim is put together from the parts below. Its parameters: $1 to $4 the templates, where to begin in each, and the
// numbers of their accounts; $5 to $8 the accounts, how many messages at most of each, how many to look at in each of
// its templates, and whether it sends one message to a person at a time; $9 how many messages at most in all, $10
// messages and $11 people to leave out, $12 when the claim ends, $13 shapes to leave out, $14 its
// claimId, $15 its lease.
//
// What can't go is in the way of nothing that can: messages are sought by template, and of each the next few are looked
// at, whatever they are. Those of an account that may go are locked one after the other, the oldest first, until there
// are enough. So a claim costs the same whatever lies in the table, and where it finds nothing because all that it
// looked at is locked or excluded, the next one begins behind that.

// accountsSQL are the accounts of a claim.
const accountsSQL = `accounts AS MATERIALIZED (
    SELECT * FROM unnest($5::text[], $6::int[], $7::int[], $8::bool[]) WITH ORDINALITY AS a (account, most, depth, alone, n)
)`

// seekGivenSQL begins a claim of given templates.
const seekGivenSQL = `
WITH ` + accountsSQL + `, given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[]) AS s (templateId, dueAt, id, n)
)`

// jumpSQL begins a claim of templates that wait. It jumps from one templateId to the next by the index (a loose index
// scan).
const jumpSQL = `
WITH RECURSIVE ` + accountsSQL + `, jump AS (
    (SELECT templateId FROM subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > w.templateId
        ORDER BY m.templateId LIMIT 1) FROM jump w WHERE w.templateId IS NOT NULL
), waiting AS MATERIALIZED (
    SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000
), given AS MATERIALIZED (
    SELECT w.templateId, coalesce(s.dueAt, '-infinity') AS dueAt, coalesce(s.id, 0) AS id, coalesce(s.n, 1) AS n
    FROM waiting AS w`

// seekManySQL begins a claim of those of many given templates that wait.
const seekManySQL = jumpSQL + `
        JOIN unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[]) AS s (templateId, dueAt, id, n) USING (templateId)
)`

// seekAnySQL begins a claim of all templates that wait.
const seekAnySQL = jumpSQL + `
        LEFT JOIN unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[]) AS s (templateId, dueAt, id, n) USING (templateId)
)`

// notPausedSQL leaves out what is paused. It finds nothing when the claim's time is over: whoever asked has given it up
// by then.
const notPausedSQL = `, going AS MATERIALIZED (
    SELECT * FROM accounts WHERE clock_timestamp() < $12 AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId IN ('*', '*' || account))
), sought AS MATERIALIZED (
    SELECT * FROM given JOIN going USING (n) WHERE templateId NOT IN (SELECT templateId FROM subMsgPause)
)`

// looked begins the list of the messages that a claim looks at.
const looked = `, looked AS MATERIALIZED (
    SELECT m.*, s.n, nth = s.depth AS isEnd FROM sought s CROSS JOIN LATERAL (
        SELECT ctid AS place, id, templateId, dueAt, row_number() OVER () AS nth,
            (expireTime IS NULL OR expireTime > now()) AND id <> ALL ($10) AND NOT (s.alone AND openid = ANY ($11)) AND ours AS fits
        FROM (SELECT ctid, id, templateId, dueAt, openid, expireTime, ` + oursInClaim + ` AS ours
            FROM subMsgList l WHERE l.templateId = s.templateId `

// lookOldestSQL looks at the oldest messages after a place in the queue. While an old transaction holds back vacuum,
// the index keeps what was claimed since that began, and a claim that began at the front would walk over all of it.
const lookOldestSQL = looked + `
            AND l.dueAt <= now() AND (l.dueAt, l.id) > (s.dueAt, s.id) ORDER BY l.dueAt, l.id LIMIT s.depth) AS next) AS m
)`

// lookNewestSQL looks at the newest messages of the last seconds: those that came after a bulk of others, and would
// wait behind it.
const lookNewestSQL = looked + `
            AND l.dueAt <= now() AND (l.dueAt, l.id) > (greatest(s.dueAt, now() - interval '10 s'), 0)
            ORDER BY l.dueAt DESC, l.id DESC LIMIT s.depth) AS next) AS m
)`

// stillDue holds for a message m that may still go, as the one at o.place. The conditions of a claim stand here once
// more, because a message may have been changed since the claim began. They are IS TRUE so that no index fits them: on
// an empty table the planner would take the index of what is due for cheaper than the place.
const stillDue = `(m.dueAt <= now()) IS TRUE AND (m.templateId = o.templateId) IS TRUE AND (m.expireTime IS NULL OR m.expireTime > now())`

// lockSQL locks of each account what may go, in the order of what stands between its two halves.
const (
	lockSQL = `, due AS MATERIALIZED (
    SELECT d.*, '' AS pause FROM going a CROSS JOIN LATERAL (
        SELECT m.ctid AS place, m.id
        FROM (SELECT place, templateId FROM looked l WHERE l.n = a.n AND fits ORDER BY `
	lockPlaceSQL = `) AS o JOIN subMsgList m ON m.ctid = o.place
        WHERE ` + stillDue
	lockEndSQL = `
        LIMIT a.most FOR UPDATE OF m SKIP LOCKED) AS d
    LIMIT $9
)`
)

const lockOldestSQL = lockSQL + `dueAt, id` + lockPlaceSQL + lockEndSQL

// lockNewestSQL takes one message of each template in turn, so that a single one goes before the bulk of another
// template. One person's messages go in order, so it takes none whose person has an older one that may go.
const lockNewestSQL = lockSQL + `nth, dueAt DESC, id DESC` + lockPlaceSQL + `
            AND NOT (a.alone AND EXISTS (SELECT FROM subMsgList e
                WHERE e.openid = m.openid AND e.dueAt <= now() AND (e.dueAt, e.id) < (m.dueAt, m.id)
                    AND e.templateId IN (SELECT templateId FROM sought)
                    AND (e.expireTime IS NULL OR e.expireTime > now()) AND e.id <> ALL ($10)))` + lockEndSQL

// noteSQL notes in subMsgClaim which rows the claim holds, for the sweep: an index to find them by would have to be
// written at each settlement.
const noteSQL = `, noted AS (
    INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
    SELECT $14, clock_timestamp() + $15::interval, pg_catalog.array_agg(id) FROM due HAVING count(*) > 0
)`

// markSQL makes the messages "sending".
const markSQL = `, claimed AS (
    UPDATE subMsgList m
    SET sendStatus = 'sending', claimId = $14, leaseUntil = clock_timestamp() + $15::interval, attempts = attempts + 1,
        updateTime = clock_timestamp()
    WHERE ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING id, coalesce(openid, '') AS openid, coalesce(templateId, '') AS templateId, parameterArr, coalesce(page, '') AS page,
        attempts, coalesce(traceparent, '') AS traceparent, greatest(sendAfter, createTime)
)
SELECT claimed.*, (SELECT pause FROM due LIMIT 1) AS pause FROM claimed`

// endsSQL adds where the claim stopped looking.
const endsSQL = noteSQL + markSQL + `
UNION ALL
SELECT id, '', templateId, NULL, '', 0, '', dueAt, '' FROM looked WHERE isEnd`

// The statements of claims.
const (
	claimOldestSQL     = seekGivenSQL + notPausedSQL + lookOldestSQL + lockOldestSQL + endsSQL
	claimNewestSQL     = seekGivenSQL + notPausedSQL + lookNewestSQL + lockNewestSQL + endsSQL
	claimManyOldestSQL = seekManySQL + notPausedSQL + lookOldestSQL + lockOldestSQL + endsSQL
	claimManyNewestSQL = seekManySQL + notPausedSQL + lookNewestSQL + lockNewestSQL + endsSQL
	claimAnyOldestSQL  = seekAnySQL + notPausedSQL + lookOldestSQL + lockOldestSQL + endsSQL
	claimAnyNewestSQL  = seekAnySQL + notPausedSQL + lookNewestSQL + lockNewestSQL + endsSQL
)

// sql is the statement of a claim.
func (c *Claim) sql() string {
	switch ofAny := c.ofAny(); {
	case ofAny && c.Newest:
		return claimAnyNewestSQL
	case ofAny:
		return claimAnyOldestSQL
	case c.Jump && c.Newest:
		return claimManyNewestSQL
	case c.Jump:
		return claimManyOldestSQL
	case c.Newest:
		return claimNewestSQL
	}
	return claimOldestSQL
}

// ofAny tells whether a claim seeks whatever templateIds wait.
func (c *Claim) ofAny() bool { return len(c.Parts) == 1 && c.Parts[0].Any }
