-- What is paused, why, and how to let it go on: subMsgPaused. People read it in SQL clients; submsg status and submsg show read it, too.
-- It counts at most 10,000 waiting messages of a template, whatever the size of subMsgList.
-- objects/views/failures.sql says how views are made.

-- A template that is paused under its id and under its name is one line, and one statement lifts both. If one of the two is for a
-- person to lift, the line says that one. `prefix` names our schema to readers who don't have it on their search_path.
CREATE OR REPLACE VIEW SUBMSG_SCHEMA.subMsgPaused AS
WITH RECURSIVE jump AS ( -- from one templateId to the next, by the index
    (SELECT templateId FROM SUBMSG_SCHEMA.subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM SUBMSG_SCHEMA.subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > j.templateId
        ORDER BY m.templateId LIMIT 1)
    FROM jump j WHERE j.templateId IS NOT NULL
), first AS MATERIALIZED (
    SELECT t.templateId, count(*) AS n
    FROM (SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000) AS t
        CROSS JOIN LATERAL (SELECT FROM SUBMSG_SCHEMA.subMsgList m
            WHERE m.templateId = t.templateId AND m.dueAt IS NOT NULL ORDER BY m.dueAt, m.id LIMIT 10000) AS looked GROUP BY 1
), named AS (
    SELECT p.*, coalesce(t.templateId, p.templateId) AS template,
        CASE WHEN p.templateId = '*' THEN '全部模板 (every template)'
            WHEN p.templateId LIKE '*%' THEN '账号 ' || substr(p.templateId, 2) || ' (account)'
            ELSE coalesce(trim(t.name || ' ' || t.title), p.templateId) END AS what,
        row_number() OVER (PARTITION BY coalesce(t.templateId, p.templateId)
            ORDER BY p.probeAt = 'infinity' DESC, p.pausedAt DESC, p.templateId) AS rank
    FROM SUBMSG_SCHEMA.subMsgPause p LEFT JOIN SUBMSG_SCHEMA.subMsgTemplate t ON p.templateId IN (t.templateId, t.name)
), pause AS (
    SELECT what, array_agg(templateId ORDER BY templateId) AS ids, min(reason) FILTER (WHERE rank = 1) AS reason,
        min(errCode) FILTER (WHERE rank = 1) AS errCode, min(errKind) FILTER (WHERE rank = 1) AS errKind,
        min(pausedAt) AS pausedAt, max(probeAt) AS probeAt, sum(probes)::int AS probes
    FROM named GROUP BY template, what
), list AS (
    SELECT CASE WHEN pg_table_is_visible('SUBMSG_SCHEMA.subMsgPause'::regclass) THEN '' ELSE 'SUBMSG_SCHEMA.' END AS prefix
)
SELECT what, ids[1] AS templateId, reason AS why, p.errCode, p.errKind, pausedAt AS since, probeAt AS nextProbe, probes,
    (SELECT coalesce(sum(n), 0)::bigint FROM first f WHERE '*' = ids[1] OR f.templateId = ANY (ids)
        OR EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate a
            WHERE '*' || a.account = ids[1] AND f.templateId IN (a.templateId, a.name))) AS waiting,
    (SELECT coalesce(sum(n), 0)::bigint FROM first) AS waitingOf,
    CASE cardinality(ids) WHEN 1 THEN format('DELETE FROM %ssubMsgPause WHERE templateId = %L;', prefix, ids[1])
        ELSE format('DELETE FROM %ssubMsgPause WHERE templateId IN (%s);', prefix,
            (SELECT string_agg(quote_literal(id), ', ') FROM unnest(ids) AS id)) END AS lift,
    c.causeEnglish || ': ' || c.nextStepEnglish AS whyEnglish
FROM pause p CROSS JOIN list
    LEFT JOIN SUBMSG_SCHEMA.subMsgCause c ON c.errKind = p.errKind OR p.errKind IS NULL AND c.errCode = p.errCode
ORDER BY ids[1] <> '*', pausedAt, ids[1];

COMMENT ON VIEW SUBMSG_SCHEMA.subMsgPaused IS 'What is paused, why, and how to let it go on. What WeChat has stopped goes on by itself '
    'when a probe succeeds; where nextProbe is infinity, a person has to look first';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.what       IS 'Every template, which account, or which template';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.templateId IS
    'As in subMsgPause, one of them where it is paused under its id and its name';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.why        IS 'What WeChat or submsg said, for people';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.errCode    IS 'WeChat''s errcode';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.errKind    IS 'submsg''s own word for the reason where there is no errcode';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.since      IS 'Since when';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.nextProbe  IS 'When one message is tried next; infinity: never';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.probes     IS 'Tries since then';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.waiting    IS 'How many messages wait for it, of those looked at';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.waitingOf  IS 'How many waiting messages were looked at: the first 10,000 of each template';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.lift       IS 'The statement that lets it go on now';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgPaused.whyEnglish IS 'The cause and what to do, in English; null where subMsgCause doesn''t have it';

DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER VIEW SUBMSG_SCHEMA.subMsgPaused SET (security_invoker = true);
    END IF;
END $$;
