package store

// A claim is put together from the parts below. Its parameters: $1 to $3 the templates and where to begin in each, $4
// how many messages at most, $5 how many to look at in each template, $6 messages and $7 people to leave out, $8 when
// the claim ends, $9 its claimId, $10 its lease.
//
// What can't go is in the way of nothing that can: messages are sought by template, and of each the next $5 are looked
// at, whatever they are. Those that may go are locked one after the other, the oldest first, until there are $4. So a
// claim costs the same whatever lies in the table, and where it finds nothing because all that it looked at is locked
// or excluded, the next one begins behind that.

// seekGivenSQL begins a claim of given templates. It finds none when its time is over: whoever asked has given it up
// by then.
const seekGivenSQL = `
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[]) AS s (templateId, dueAt, id)
)`

// seekAnySQL begins a claim of all templates that wait. It jumps from one templateId to the next by the index (a loose
// index scan).
const seekAnySQL = `
WITH RECURSIVE waiting AS (
    (SELECT templateId FROM subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > w.templateId
        ORDER BY m.templateId LIMIT 1) FROM waiting w WHERE w.templateId IS NOT NULL
), given AS MATERIALIZED (
    SELECT w.templateId, coalesce(s.dueAt, '-infinity') AS dueAt, coalesce(s.id, 0) AS id
    FROM (SELECT templateId FROM waiting WHERE templateId IS NOT NULL LIMIT 1000) AS w
        LEFT JOIN unnest($1::text[], $2::timestamptz[], $3::bigint[]) AS s (templateId, dueAt, id) USING (templateId)
)`

// notPausedSQL leaves out what is paused.
const notPausedSQL = `, sought AS MATERIALIZED (
    SELECT * FROM given WHERE clock_timestamp() < $8
        AND templateId NOT IN (SELECT templateId FROM subMsgPause) AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
)`

// looked begins the list of the messages that a claim looks at.
const looked = `, looked AS MATERIALIZED (
    SELECT m.* FROM sought s CROSS JOIN LATERAL (
        SELECT ctid AS place, id, templateId, dueAt, openid, row_number() OVER () AS nth,
            (expireTime IS NULL OR expireTime > now()) AND id <> ALL ($6) AND openid <> ALL ($7) AS fits
        FROM (SELECT ctid, id, templateId, dueAt, openid, expireTime FROM subMsgList l WHERE l.templateId = s.templateId `

// lookOldestSQL looks at the oldest messages after a place in the queue. While an old transaction holds back vacuum,
// the index keeps what was claimed since that began, and a claim that began at the front would walk over all of it.
const lookOldestSQL = looked + `
            AND l.dueAt <= now() AND (l.dueAt, l.id) > (s.dueAt, s.id) ORDER BY l.dueAt, l.id LIMIT $5) AS next) AS m
)`

// lookNewestSQL looks at the newest messages of the last seconds: those that came after a bulk of others, and would
// wait behind it.
const lookNewestSQL = looked + `
            AND l.dueAt <= now() AND (l.dueAt, l.id) > (greatest(s.dueAt, now() - interval '10 s'), 0)
            ORDER BY l.dueAt DESC, l.id DESC LIMIT $5) AS next) AS m
)`

// stillDue holds for a message m that may still go, as the one at o.place. The conditions of a claim stand here once
// more, because a message may have been changed since the claim began. They are IS TRUE so that no index fits them: on
// an empty table the planner would take the index of what is due for cheaper than the place.
const stillDue = `(m.dueAt <= now()) IS TRUE AND (m.templateId = o.templateId) IS TRUE AND (m.expireTime IS NULL OR m.expireTime > now())`

// placeSQL goes to the places of what may go, and lockSQL locks it there.
const (
	placeSQL = ` JOIN subMsgList m ON m.ctid = o.place
    WHERE ` + stillDue
	lockSQL = `
    LIMIT $4 FOR UPDATE OF m SKIP LOCKED
)`
)

const lockOldestSQL = `, due AS MATERIALIZED (
    SELECT m.ctid AS place, m.id, '' AS pause
    FROM (SELECT place, templateId FROM looked WHERE fits ORDER BY dueAt, id) AS o` + placeSQL + lockSQL

// lockNewestSQL takes one message of each template in turn, so that a single one goes before the bulk of another
// template. One person's messages go in order, so it takes none whose person has an older one that may go.
const lockNewestSQL = `, due AS MATERIALIZED (
    SELECT m.ctid AS place, m.id, '' AS pause
    FROM (SELECT place, templateId FROM looked WHERE fits ORDER BY nth, dueAt DESC, id DESC) AS o` + placeSQL + `
        AND NOT EXISTS (SELECT FROM subMsgList e
            WHERE e.openid = m.openid AND e.dueAt <= now() AND (e.dueAt, e.id) < (m.dueAt, m.id)
                AND e.templateId IN (SELECT templateId FROM sought)
                AND (e.expireTime IS NULL OR e.expireTime > now()) AND e.id <> ALL ($6))` + lockSQL

// noteSQL notes in subMsgClaim which rows the claim holds, for the sweep: an index to find them by would have to be
// written at each settlement.
const noteSQL = `, noted AS (
    INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
    SELECT $9, clock_timestamp() + $10::interval, pg_catalog.array_agg(id) FROM due HAVING count(*) > 0
)`

// markSQL makes the messages "sending".
const markSQL = `, claimed AS (
    UPDATE subMsgList m
    SET sendStatus = 'sending', claimId = $9, leaseUntil = clock_timestamp() + $10::interval, attempts = attempts + 1,
        updateTime = clock_timestamp()
    WHERE ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING id, coalesce(openid, '') AS openid, coalesce(templateId, '') AS templateId, parameterArr, coalesce(page, '') AS page,
        attempts, coalesce(traceparent, '') AS traceparent, greatest(sendAfter, createTime)
)
SELECT claimed.*, (SELECT pause FROM due LIMIT 1) AS pause FROM claimed`

// endsSQL adds where the claim stopped looking.
const endsSQL = noteSQL + markSQL + `
UNION ALL
SELECT id, '', templateId, NULL, '', 0, '', dueAt, '' FROM looked WHERE nth = $5`

const (
	claimOldestSQL    = seekGivenSQL + notPausedSQL + lookOldestSQL + lockOldestSQL + endsSQL
	claimNewestSQL    = seekGivenSQL + notPausedSQL + lookNewestSQL + lockNewestSQL + endsSQL
	claimAnyOldestSQL = seekAnySQL + notPausedSQL + lookOldestSQL + lockOldestSQL + endsSQL
	claimAnyNewestSQL = seekAnySQL + notPausedSQL + lookNewestSQL + lockNewestSQL + endsSQL
)
