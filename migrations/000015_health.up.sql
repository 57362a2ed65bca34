-- A transaction that stands open without a snapshot holds back no vacuum, but its locks: the health view says which it is. A template
-- that is paused under both its names is one pause. Not all that is paused was stopped by WeChat. For how views are made see 000012.

DO $do$ DECLARE
    path  text := pg_catalog.current_setting('search_path');
    house text := pg_catalog.quote_ident(pg_catalog.current_schema()::text);
    v     text;
BEGIN
PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
EXECUTE pg_catalog.replace($sql$

-- A template that is paused under its id and its name is one line, and one statement lifts both; where one of them is for a person
-- to lift, that is what is said.
CREATE OR REPLACE VIEW SCHEMA_.subMsgPaused AS
WITH first AS MATERIALIZED (
    SELECT templateId, count(*) AS n FROM (SELECT templateId FROM SCHEMA_.subMsgList WHERE dueAt IS NOT NULL ORDER BY dueAt, id LIMIT 10000) AS looked GROUP BY 1
), pause AS (
    SELECT CASE p.templateId WHEN '*' THEN '全部模板 (every template)' ELSE coalesce(trim(t.name || ' ' || t.title), p.templateId) END AS what,
        array_agg(p.templateId ORDER BY p.templateId) AS ids, (array_agg(p.reason ORDER BY p.probeAt = 'infinity' DESC, p.pausedAt DESC, p.templateId))[1] AS reason,
        (array_agg(p.errCode ORDER BY p.probeAt = 'infinity' DESC, p.pausedAt DESC, p.templateId))[1] AS errCode, min(p.pausedAt) AS pausedAt, max(p.probeAt) AS probeAt, sum(p.probes)::int AS probes
    FROM SCHEMA_.subMsgPause p LEFT JOIN SCHEMA_.subMsgTemplate t ON p.templateId IN (t.templateId, t.name)
    GROUP BY coalesce(t.templateId, p.templateId), 1
)
SELECT what, ids[1] AS templateId, reason AS why, errCode, pausedAt AS since, probeAt AS nextProbe, probes,
    (SELECT coalesce(sum(n), 0)::bigint FROM first f WHERE '*' = ids[1] OR f.templateId = ANY (ids)) AS waiting,
    (SELECT coalesce(sum(n), 0)::bigint FROM first) AS waitingOf,
    CASE cardinality(ids) WHEN 1 THEN format('DELETE FROM subMsgPause WHERE templateId = %L;', ids[1])
        ELSE format('DELETE FROM subMsgPause WHERE templateId IN (%s);', (SELECT string_agg(quote_literal(id), ', ') FROM unnest(ids) AS id)) END AS lift
FROM pause
ORDER BY ids[1] <> '*', pausedAt, ids[1];

-- Who may see little of other sessions (pg_stat_activity) sees little here too: no age and no query of theirs.
CREATE OR REPLACE VIEW SCHEMA_.subMsgHealth AS
WITH backlog AS MATERIALIZED ( -- in the order of dueAt, so that what is due comes first
    SELECT count(*) AS waiting, count(*) FILTER (WHERE dueAt <= now()) AS due, (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'SCHEMA_.subMsgList_due'::regclass) AS estimate
    FROM (SELECT dueAt FROM SCHEMA_.subMsgList WHERE dueAt IS NOT NULL ORDER BY dueAt, id LIMIT 10001) AS first
), first_due AS MATERIALIZED (
    SELECT now() - min(greatest(dueAt, 'epoch')) AS late FROM (SELECT dueAt FROM SCHEMA_.subMsgList WHERE dueAt <= now() ORDER BY dueAt, id LIMIT 1) AS first
), sending AS MATERIALIZED (
    SELECT count(*) AS n, count(*) FILTER (WHERE m.leaseUntil < clock_timestamp() - interval '10 s') AS overdue
    FROM SCHEMA_.subMsgClaim c CROSS JOIN LATERAL (SELECT leaseUntil FROM SCHEMA_.subMsgList WHERE id = ANY (c.ids) AND claimId = c.claimId AND sendStatus = 'sending' OFFSET 0) AS m -- by its key, whatever statistics say
), listening AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE application_name = 'submsg listener') AS listeners, count(*) FILTER (WHERE application_name = 'submsg') AS others
    FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('submsg', 'submsg listener')
), long AS (
    SELECT pid::text AS who, concat_ws(', ', usename, nullif(application_name, '')) AS login, clock_timestamp() - xact_start AS age, state,
        left(regexp_replace(query, '\s+', ' ', 'g'), 120) AS query, backend_xmin IS NOT NULL OR backend_xid IS NOT NULL AS holds
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'
        AND (xact_start < clock_timestamp() - interval '1 min' OR greatest(age(backend_xmin), age(backend_xid)) > 10000)
        AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
    UNION ALL
    SELECT 'prepared ' || gid, owner::text, clock_timestamp() - prepared, 'prepared', format('ROLLBACK PREPARED %L', gid), true
    FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - interval '1 min'
    UNION ALL
    SELECT 'slot ' || slot_name, NULL, NULL, 'inactive', format('SELECT pg_drop_replication_slot(%L)', slot_name), true
    FROM pg_replication_slots WHERE NOT active AND xmin IS NOT NULL
), guard AS (
    SELECT name, relation, tgenabled
    FROM (VALUES ('submsglist_by_hand', 'SCHEMA_.subMsgList'::regclass), ('submsglist_wake_insert', 'SCHEMA_.subMsgList'), ('submsgpause_wake', 'SCHEMA_.subMsgPause'),
            ('submsgpause_wake_truncate', 'SCHEMA_.subMsgPause'), ('submsgpause_wake_update', 'SCHEMA_.subMsgPause'), ('submsgrule_insert', 'SCHEMA_.subMsgRule'),
            ('submsgrule_update', 'SCHEMA_.subMsgRule'), ('submsgrule_armed', 'SCHEMA_.subMsgRule'), ('submsgrule_rearmed', 'SCHEMA_.subMsgRule')) AS wanted (name, relation)
        LEFT JOIN pg_trigger ON tgrelid = relation AND tgname = name
)
SELECT 'waiting' AS name, CASE WHEN waiting > 10000 THEN '> 10000' ELSE waiting::text END AS value, 'ok' AS state,
    CASE WHEN waiting > 10000 AND estimate > 10000 THEN format('约 %s 条（统计信息的估计）', estimate) ELSE '等待发送的消息' END AS remark,
    CASE WHEN waiting > 10000 AND estimate > 10000 THEN format('about %s, by the planner''s statistics', estimate) ELSE 'messages to be sent' END AS remarkEnglish
FROM backlog
UNION ALL
SELECT 'due', CASE WHEN due > 10000 THEN '> 10000' ELSE due::text END, 'ok', '其中已到发送时间的', 'of these, messages whose time has come'
FROM backlog
UNION ALL
SELECT 'oldest due', coalesce(date_trunc('second', late)::text, '-'), CASE WHEN late > interval '5 min' THEN 'warn' ELSE 'ok' END,
    CASE WHEN late > interval '5 min' THEN '最早到期的消息还未发送：看 subMsgPaused，以及 submsg serve 是否在运行' ELSE '最早到期的消息已等多久' END,
    CASE WHEN late > interval '5 min' THEN 'what was due first is not sent yet: see subMsgPaused, and whether submsg serve runs' ELSE 'how long the one that was due first has waited' END
FROM first_due
UNION ALL
SELECT 'sending', n::text, CASE WHEN overdue > 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN overdue > 0 THEN format('%s 条已超过租约仍未结束：submsg serve 是否在运行', overdue) ELSE '正在发送' END,
    CASE WHEN overdue > 0 THEN format('%s of them longer than their lease: does submsg serve run?', overdue) ELSE 'messages being sent now' END
FROM sending
UNION ALL
SELECT 'listeners', listeners::text, CASE WHEN listeners = 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN listeners > 0 THEN '正在监听唤醒的 submsg serve'
        WHEN others > 0 THEN '没有 submsg serve 在监听，消息只靠轮询发现，最多晚 2 秒：检查 SUBMSG_LISTEN_URL'
        ELSE '没有 submsg serve 连接到本数据库：启动它' END,
    CASE WHEN listeners > 0 THEN 'processes of submsg serve that listen for wakes'
        WHEN others > 0 THEN 'no submsg serve listens, messages are found by polling, up to 2 s later: check SUBMSG_LISTEN_URL'
        ELSE 'no submsg serve is connected to this database: start it' END
FROM listening
UNION ALL
SELECT 'notification queue', round(used::numeric * 100, 1) || '%', CASE WHEN used >= 0.5 THEN 'warn' ELSE 'ok' END,
    CASE WHEN used >= 0.5 THEN '通知队列过半，唤醒已停：结束执行过 LISTEN 且停在事务中的会话' ELSE '服务器的通知队列' END,
    CASE WHEN used >= 0.5 THEN 'half full, so nobody is woken: end the session that listens and is idle in a transaction' ELSE 'of the server, how full it is' END
FROM pg_notification_queue_usage() AS used
UNION ALL
SELECT 'paused', n::text, CASE WHEN n > 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN n > 0 THEN '已暂停的模板，或全部：原因与办法看 subMsgPaused' ELSE '没有暂停' END,
    CASE WHEN n > 0 THEN 'templates that wait, or everything: subMsgPaused says why, and what to do' ELSE 'nothing is paused' END
FROM (SELECT count(DISTINCT coalesce(t.templateId, p.templateId)) FROM SCHEMA_.subMsgPause p LEFT JOIN SCHEMA_.subMsgTemplate t ON p.templateId IN (t.templateId, t.name)) AS pauses (n)
UNION ALL
SELECT 'long transaction', who, 'warn',
    format(CASE WHEN holds THEN '使死行不能清理，发送会越来越慢：' ELSE '一直未结束，占着的锁会使升级等待：' END || '%s，%s，已 %s，%s',
        coalesce(nullif(login, ''), '?'), coalesce(state, '?'), coalesce(date_trunc('second', age)::text, '?'), coalesce(query, '?')),
    format(CASE WHEN holds THEN 'keeps dead rows from being removed, sending gets slower and slower' ELSE 'stands open, and an upgrade waits for its locks' END || ': %s, %s, for %s, %s',
        coalesce(nullif(login, ''), '?'), coalesce(state, '?'), coalesce(date_trunc('second', age)::text, '?'), coalesce(query, '?'))
FROM long
UNION ALL
SELECT 'dead rows', dead::text, CASE WHEN dead > 50000 + 0.2 * live THEN 'warn' ELSE 'ok' END,
    CASE WHEN dead > 50000 + 0.2 * live THEN 'subMsgList 的死行过多：检查 autovacuum 与长事务' ELSE 'subMsgList 中待清理的旧版本' END,
    CASE WHEN dead > 50000 + 0.2 * live THEN 'too many in subMsgList: check autovacuum and long transactions' ELSE 'old versions in subMsgList that vacuum will remove' END
FROM (SELECT pg_stat_get_dead_tuples('SCHEMA_.subMsgList'::regclass), pg_stat_get_live_tuples('SCHEMA_.subMsgList'::regclass)) AS tuples (dead, live)
UNION ALL
SELECT 'triggers', count(*) FILTER (WHERE tgenabled IN ('O', 'A')) || ' of ' || count(*), CASE WHEN broken IS NULL THEN 'ok' ELSE 'warn' END,
    coalesce('缺少或被禁用：' || broken || '。用 ALTER TABLE … ENABLE TRIGGER 恢复', '触发器都在且启用'),
    coalesce('missing or disabled: ' || broken || '; ALTER TABLE … ENABLE TRIGGER mends it', 'all there and enabled')
FROM guard, (SELECT string_agg(name || ' (' || relation || ')', ', ') AS broken FROM guard WHERE tgenabled IS NULL OR tgenabled NOT IN ('O', 'A')) AS b
GROUP BY broken
UNION ALL
SELECT 'rule', rule, CASE WHEN problem IS NULL AND errors = 0 THEN 'ok' ELSE 'warn' END,
    coalesce(problem, CASE WHEN errors > 0 THEN format('有 %s 次更新未能生成消息：SELECT * FROM submsg_replay(%L)', errors, rule) ELSE '正常' END),
    coalesce(problem, CASE WHEN errors > 0 THEN format('updates whose message is missing: %s; SELECT * FROM submsg_replay(%L) makes up for them', errors, rule) ELSE 'works' END)
FROM SCHEMA_.submsg_rules();

$sql$, 'SCHEMA_', house);
PERFORM pg_catalog.set_config('search_path', path, true);
IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN -- as before: replacing a view takes its options away
    FOREACH v IN ARRAY '{subMsgPaused,subMsgHealth}'::text[] LOOP
        EXECUTE pg_catalog.format('ALTER VIEW %s SET (security_invoker = true)', v);
    END LOOP;
END IF;
END $do$;

COMMENT ON COLUMN subMsgPaused.templateId IS 'As in subMsgPause, one of them where it is paused under its id and its name';
COMMENT ON COLUMN subMsgPaused.lift       IS 'The statement that lets it go on now';
