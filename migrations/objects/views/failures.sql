-- What went wrong lately, and how to send it again: subMsgFailures, and subMsgRecent, the messages that it looks at.
-- People read both in SQL clients, and submsg status reads both.
--
-- Neither reads more than a bounded number of rows, whatever the size of subMsgList. There is no index by outcome, because each
-- settlement would have to write to it.
-- A view keeps the functions and operators that its words meant when it was made. It is made with only pg_catalog on the path, so that
-- these are Postgres's own, whatever lies in the schema. A new column goes to the end: CREATE OR REPLACE VIEW can put it nowhere else.

-- Nearly the messages that were dealt with last: the newest. If most of those still wait, they are a backlog, and what was sent last
-- has lower ids: it lies below the highest run of ids among the messages that are due first. (Single ids far below that run are messages
-- that somebody sends again.)
CREATE OR REPLACE VIEW SUBMSG_SCHEMA.subMsgRecent AS
WITH RECURSIVE jump AS ( -- from one templateId to the next, by the index
    (SELECT templateId FROM SUBMSG_SCHEMA.subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM SUBMSG_SCHEMA.subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > j.templateId
        ORDER BY m.templateId LIMIT 1)
    FROM jump j WHERE j.templateId IS NOT NULL
), newest AS MATERIALIZED (
    SELECT id, templateId, sendStatus, sendStatusMsg, errCode, errKind, createTime, sendTime
    FROM SUBMSG_SCHEMA.subMsgList ORDER BY id DESC LIMIT 10000
), first AS (
    SELECT id, id - lag(id) OVER (ORDER BY id) AS gap
    FROM (SELECT m.id, m.dueAt FROM (SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000) AS t
            CROSS JOIN LATERAL (SELECT id, dueAt FROM SUBMSG_SCHEMA.subMsgList m
                WHERE m.templateId = t.templateId AND m.dueAt <= now() ORDER BY m.dueAt, m.id LIMIT 10000) AS m
            WHERE t.templateId NOT IN (SELECT templateId FROM SUBMSG_SCHEMA.subMsgPause)
            ORDER BY m.dueAt, m.id LIMIT 10000) AS due
), below AS MATERIALIZED (
    SELECT CASE WHEN count(*) FILTER (WHERE sendStatus = 'wait') > 5000
        THEN least(min(id), (SELECT max(id) FROM first WHERE gap > 100 OR gap IS NULL)) ELSE min(id) END AS id FROM newest
), before AS (
    SELECT id, templateId, sendStatus, sendStatusMsg, errCode, errKind, createTime, sendTime FROM SUBMSG_SCHEMA.subMsgList
    WHERE id < (SELECT id FROM below) ORDER BY id DESC LIMIT 10000
)
SELECT * FROM newest UNION ALL SELECT * FROM before;

COMMENT ON VIEW SUBMSG_SCHEMA.subMsgRecent IS
    'The messages inserted last, and those sent last before a backlog: 20,000 at most, whatever the size of subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.id            IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.templateId    IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.sendStatus    IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.sendStatusMsg IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.errCode       IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.errKind       IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.createTime    IS 'As in subMsgList';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRecent.sendTime      IS 'As in subMsgList';

-- A failure is told by its errKind, or else its errCode (where both are set, submsg's word says more: it knows WeChat's errcode). One that
-- has neither was written by a person or an application, and is told by its own words, without the details in parentheses.
-- `prefix` names our schema to readers who don't have it on their search_path.
CREATE OR REPLACE VIEW SUBMSG_SCHEMA.subMsgFailures AS
WITH failed AS (
    SELECT sendStatus, errCode, errKind,
        CASE WHEN num_nonnulls(errCode, errKind) = 0 THEN split_part(coalesce(sendStatusMsg, ''), ' (', 1) END AS said,
        templateId, id, sendTime
    FROM SUBMSG_SCHEMA.subMsgRecent WHERE sendStatus IN ('fail', 'unknown', 'expired')
), counted AS (
    SELECT sendStatus, errCode, errKind, said, templateId, count(*) AS n,
        count(*) FILTER (WHERE sendTime > now() - interval '1 hour') AS lastHour,
        min(sendTime) AS oldest, max(sendTime) AS newest, min(id) AS lowest, max(id) AS highest
    FROM failed GROUP BY sendStatus, errCode, errKind, said, templateId
), failure AS ( -- in a second step, because array_agg(DISTINCT …) over all rows would have to sort them
    SELECT sendStatus, errCode, errKind, said, sum(n)::bigint AS count, sum(lastHour)::bigint AS lastHour,
        min(oldest) AS oldest, max(newest) AS newest, min(lowest) AS lowest, max(highest) AS highest,
        array_agg(DISTINCT templateId ORDER BY templateId) AS templateIds
    FROM counted GROUP BY sendStatus, errCode, errKind, said
), list AS (
    SELECT CASE WHEN pg_table_is_visible('SUBMSG_SCHEMA.subMsgList'::regclass) THEN '' ELSE 'SUBMSG_SCHEMA.' END AS prefix
)
SELECT coalesce(c.cause, nullif(said, ''), '微信返回了未收录的错误码 ' || f.errCode, f.errKind, '原因未记录') AS cause,
    sendStatus, f.errCode, f.errKind, count, lastHour, oldest, newest, templateIds, highest AS exampleId,
    CASE WHEN c.nextStep IS NOT NULL THEN c.nextStep
        WHEN f.errCode IS NOT NULL THEN 'submsg 会再试几次；仍失败时请查阅微信文档中的错误码后再决定'
        ELSE '请按 sendStatusMsg 决定是否重发' END AS nextStep,
    format('UPDATE %ssubMsgList SET sendStatus = ''wait''%s WHERE id BETWEEN %s AND %s AND sendStatus = %L AND ',
            prefix, CASE sendStatus WHEN 'expired' THEN ', expireTime = NULL' END, lowest, highest, sendStatus)
        || CASE WHEN f.errKind IS NOT NULL
                    THEN format('errCode %s AND errKind = %L;', coalesce('= ' || f.errCode, 'IS NULL'), f.errKind)
                WHEN f.errCode IS NOT NULL THEN format('errCode = %s;', f.errCode)
                ELSE 'errCode IS NULL AND errKind IS NULL AND ' || CASE said WHEN '' THEN 'coalesce(sendStatusMsg, '''') = '''';'
                    ELSE format('position(%L IN sendStatusMsg) > 0;', said) END END AS sendAgain,
    coalesce(c.causeEnglish, nullif(said, ''), 'WeChat answered with an unknown errcode ' || f.errCode, f.errKind, 'no reason was written')
        AS causeEnglish,
    CASE WHEN c.nextStep IS NOT NULL THEN c.nextStepEnglish
        WHEN f.errCode IS NOT NULL
            THEN 'submsg tries a few more times; if it fails all the same, look the errcode up in WeChat''s documents, then decide'
        ELSE 'decide by what sendStatusMsg says' END AS nextStepEnglish
FROM failure f CROSS JOIN list LEFT JOIN SUBMSG_SCHEMA.subMsgCause c
    ON c.errKind = f.errKind OR f.errKind IS NULL AND c.errCode = f.errCode
ORDER BY count DESC, newest DESC;

COMMENT ON VIEW SUBMSG_SCHEMA.subMsgFailures IS 'What went wrong with the messages of subMsgRecent: failed, unknown, expired, by cause';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.cause           IS 'What happened';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.sendStatus      IS 'fail, unknown or expired';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.errCode         IS 'WeChat''s errcode; null when WeChat did not answer';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.errKind         IS 'submsg''s own word for what happened, where its errcode doesn''t say it';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.count           IS 'How many messages';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.lastHour        IS 'How many of them within the last hour';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.oldest          IS 'When it happened first';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.newest          IS 'When it happened last';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.templateIds     IS 'Messages of which templates';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.exampleId       IS 'The id of one of them, the newest';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.nextStep        IS 'What to do';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.sendAgain       IS 'The statement that sends them again, once the cause is gone';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.causeEnglish    IS 'What happened, in English';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgFailures.nextStepEnglish IS 'What to do, in English';

-- PostgreSQL 15 and later read a view with the rights of who looks. Before, a view reads with its owner's rights: so these views show
-- no column that isn't open to all who may read the view.
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER VIEW SUBMSG_SCHEMA.subMsgRecent SET (security_invoker = true);
        ALTER VIEW SUBMSG_SCHEMA.subMsgFailures SET (security_invoker = true);
    END IF;
END $$;
