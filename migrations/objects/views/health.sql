-- Whether messages go out: subMsgHealth, one line a fact; what needs a person has state warn. People read it in SQL clients, and
-- submsg status reads it. Its words stand twice, in Chinese and in English, and each reader sees one of them.
-- It reads a bounded number of rows, whatever the size of subMsgList. objects/views/failures.sql says how views are made.

-- A login that sees little of other sessions in pg_stat_activity sees little here, too: no age and no query of theirs.
CREATE OR REPLACE VIEW SUBMSG_SCHEMA.subMsgHealth AS
WITH RECURSIVE jump AS ( -- from one templateId to the next, by the index
    (SELECT templateId FROM SUBMSG_SCHEMA.subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM SUBMSG_SCHEMA.subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > j.templateId
        ORDER BY m.templateId LIMIT 1)
    FROM jump j WHERE j.templateId IS NOT NULL
), template AS MATERIALIZED (
    SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000
), backlog AS MATERIALIZED (
    SELECT (SELECT count(*) FROM (SELECT FROM template t CROSS JOIN LATERAL (SELECT FROM SUBMSG_SCHEMA.subMsgList m
                WHERE m.templateId = t.templateId AND m.dueAt IS NOT NULL
                ORDER BY m.dueAt, m.id LIMIT 10001) AS m LIMIT 10001) AS first) AS waiting,
        (SELECT count(*) FROM (SELECT FROM template t CROSS JOIN LATERAL (SELECT FROM SUBMSG_SCHEMA.subMsgList m
                WHERE m.templateId = t.templateId AND m.dueAt <= now()
                ORDER BY m.dueAt, m.id LIMIT 10001) AS m LIMIT 10001) AS first) AS due,
        (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'SUBMSG_SCHEMA.subMsgList_due'::regclass) AS estimate
), first_due AS MATERIALIZED (
    SELECT now() - min(greatest(dueAt, 'epoch')) AS late
    FROM template t CROSS JOIN LATERAL (SELECT dueAt FROM SUBMSG_SCHEMA.subMsgList m
        WHERE m.templateId = t.templateId AND m.dueAt <= now() ORDER BY m.dueAt, m.id LIMIT 1) AS first
), sending AS MATERIALIZED ( -- OFFSET 0 keeps it a look-up by the primary key, whatever the statistics say
    SELECT count(*) AS n, count(*) FILTER (WHERE m.leaseUntil < clock_timestamp() - interval '10 s') AS overdue
    FROM SUBMSG_SCHEMA.subMsgClaim c CROSS JOIN LATERAL (SELECT leaseUntil FROM SUBMSG_SCHEMA.subMsgList
        WHERE id = ANY (c.ids) AND claimId = c.claimId AND sendStatus = 'sending' OFFSET 0) AS m
), listening AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE application_name = 'submsg listener') AS listeners,
        count(*) FILTER (WHERE application_name = 'submsg') AS others
    FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('submsg', 'submsg listener')
), long AS ( -- a transaction that stands open without a snapshot holds back no vacuum, but keeps its locks: `holds` tells the two apart
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
    FROM (VALUES ('submsglist_by_hand', 'SUBMSG_SCHEMA.subMsgList'::regclass),
            ('submsglist_wake_insert', 'SUBMSG_SCHEMA.subMsgList'),
            ('submsgpause_wake', 'SUBMSG_SCHEMA.subMsgPause'),
            ('submsgpause_wake_truncate', 'SUBMSG_SCHEMA.subMsgPause'),
            ('submsgpause_wake_update', 'SUBMSG_SCHEMA.subMsgPause'),
            ('submsgpause_lift', 'SUBMSG_SCHEMA.subMsgPause'),
            ('submsgpause_spell', 'SUBMSG_SCHEMA.subMsgPause'),
            ('submsgpause_spelled', 'SUBMSG_SCHEMA.subMsgPause'),
            ('submsgrule_insert', 'SUBMSG_SCHEMA.subMsgRule'),
            ('submsgrule_update', 'SUBMSG_SCHEMA.subMsgRule'),
            ('submsgrule_removed', 'SUBMSG_SCHEMA.subMsgRule'),
            ('submsgruledraft_1_check', 'SUBMSG_SCHEMA.subMsgRuleDraft'),
            ('submsgruledraft_2_store', 'SUBMSG_SCHEMA.subMsgRuleDraft')) AS wanted (name, relation)
        LEFT JOIN pg_trigger ON tgrelid = relation AND tgname = name
)
SELECT 'waiting' AS name, CASE WHEN waiting > 10000 THEN '> 10000' ELSE waiting::text END AS value, 'ok' AS state,
    CASE WHEN waiting > 10000 AND estimate > 10000 THEN format('约 %s 条（统计信息的估计）', estimate)
        ELSE '等待发送的消息' END AS remark,
    CASE WHEN waiting > 10000 AND estimate > 10000 THEN format('about %s, by the planner''s statistics', estimate)
        ELSE 'messages to be sent' END AS remarkEnglish
FROM backlog
UNION ALL
SELECT 'due', CASE WHEN due > 10000 THEN '> 10000' ELSE due::text END, 'ok', '其中已到发送时间的', 'of these, messages whose time has come'
FROM backlog
UNION ALL
SELECT 'oldest due', coalesce(date_trunc('second', late)::text, '-'), CASE WHEN late > interval '5 min' THEN 'warn' ELSE 'ok' END,
    CASE WHEN late > interval '5 min' THEN '最早到期的消息还未发送：看 subMsgPaused，以及 submsg serve 是否在运行'
        ELSE '最早到期的消息已等多久' END,
    CASE WHEN late > interval '5 min' THEN 'what was due first is not sent yet: see subMsgPaused, and whether submsg serve runs'
        ELSE 'how long the one that was due first has waited' END
FROM first_due
UNION ALL
SELECT 'sending', n::text, CASE WHEN overdue > 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN overdue > 0 THEN format('%s 条已超过租约仍未结束：submsg serve 是否在运行', overdue) ELSE '正在发送' END,
    CASE WHEN overdue > 0 THEN format('%s of them longer than their lease: does submsg serve run?', overdue)
        ELSE 'messages being sent now' END
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
SELECT 'account', name, CASE WHEN unready > 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN unready = 0 THEN '可以发送' ELSE format('%s 个进程中有 %s 个不能用它发送：%s', n, unready, why) END,
    CASE WHEN unready = 0 THEN 'it can send' ELSE format('%s of %s processes can''t send by it: %s', unready, n, why) END
FROM (SELECT a.name, count(*) AS n, count(*) FILTER (WHERE a.why <> '') AS unready, max(a.why) AS why
    FROM SUBMSG_SCHEMA.subMsgReplica r JOIN SUBMSG_SCHEMA.subMsgLivingReplica USING (replica)
        CROSS JOIN LATERAL jsonb_each_text(r.accounts) AS a (name, why)
    GROUP BY a.name) AS account
UNION ALL
SELECT 'notification queue', round(used::numeric * 100, 1) || '%', CASE WHEN used >= 0.5 THEN 'warn' ELSE 'ok' END,
    CASE WHEN used >= 0.5 THEN '通知队列过半，唤醒已停：结束执行过 LISTEN 且停在事务中的会话' ELSE '服务器的通知队列' END,
    CASE WHEN used >= 0.5 THEN 'half full, so nobody is woken: end the session that listens and is idle in a transaction'
        ELSE 'of the server, how full it is' END
FROM pg_notification_queue_usage() AS used
UNION ALL
SELECT 'paused', n::text, CASE WHEN n > 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN n > 0 THEN '已暂停的模板，或全部：原因与办法看 subMsgPaused' ELSE '没有暂停' END,
    CASE WHEN n > 0 THEN 'templates that wait, or everything: subMsgPaused says why, and what to do' ELSE 'nothing is paused' END
FROM (SELECT count(DISTINCT coalesce(t.templateId, p.templateId))
    FROM SUBMSG_SCHEMA.subMsgPause p LEFT JOIN SUBMSG_SCHEMA.subMsgTemplate t ON p.templateId IN (t.templateId, t.name)) AS pauses (n)
UNION ALL
SELECT 'long transaction', who, 'warn',
    format(CASE WHEN holds THEN '使死行不能清理，发送会越来越慢：' ELSE '一直未结束，占着的锁会使升级等待：' END || '%s，%s，已 %s，%s',
        coalesce(nullif(login, ''), '?'), coalesce(state, '?'), coalesce(date_trunc('second', age)::text, '?'), coalesce(query, '?')),
    format(CASE WHEN holds THEN 'keeps dead rows from being removed, sending gets slower and slower'
            ELSE 'stands open, and an upgrade waits for its locks' END || ': %s, %s, for %s, %s',
        coalesce(nullif(login, ''), '?'), coalesce(state, '?'), coalesce(date_trunc('second', age)::text, '?'), coalesce(query, '?'))
FROM long
UNION ALL
SELECT 'dead rows', dead::text, CASE WHEN dead > 50000 + 0.2 * live THEN 'warn' ELSE 'ok' END,
    CASE WHEN dead > 50000 + 0.2 * live THEN 'subMsgList 的死行过多：检查 autovacuum 与长事务'
        ELSE 'subMsgList 中待清理的旧版本' END,
    CASE WHEN dead > 50000 + 0.2 * live THEN 'too many in subMsgList: check autovacuum and long transactions'
        ELSE 'old versions in subMsgList that vacuum will remove' END
FROM (SELECT pg_stat_get_dead_tuples('SUBMSG_SCHEMA.subMsgList'::regclass), pg_stat_get_live_tuples('SUBMSG_SCHEMA.subMsgList'::regclass))
    AS tuples (dead, live)
UNION ALL
SELECT 'triggers', count(*) FILTER (WHERE tgenabled IN ('O', 'A')) || ' of ' || count(*),
    CASE WHEN broken IS NULL THEN 'ok' ELSE 'warn' END,
    coalesce('缺少或被禁用：' || broken || '。用 ALTER TABLE … ENABLE TRIGGER 恢复', '触发器都在且启用'),
    coalesce('missing or disabled: ' || broken || '; ALTER TABLE … ENABLE TRIGGER mends it', 'all there and enabled')
FROM guard, (SELECT string_agg(name || ' (' || relation || ')', ', ') AS broken
    FROM guard WHERE tgenabled IS NULL OR tgenabled NOT IN ('O', 'A')) AS b
GROUP BY broken
UNION ALL
SELECT 'rule', rule, CASE WHEN problem IS NULL AND errors = 0 THEN 'ok' ELSE 'warn' END,
    coalesce(problem, CASE WHEN errors > 0 THEN format('有 %s 次更新未能生成消息：SELECT * FROM %ssubmsg_replay(%L)', errors, prefix, rule)
        ELSE '正常' END),
    coalesce(problem, CASE WHEN errors > 0
        THEN format('updates whose message is missing: %s; SELECT * FROM %ssubmsg_replay(%L) makes up for them', errors, prefix, rule)
        ELSE 'works' END)
FROM SUBMSG_SCHEMA.submsg_rules(NULL::text), -- `prefix` names our schema to readers who don't have it on their search_path
    (SELECT CASE WHEN pg_table_is_visible('SUBMSG_SCHEMA.subMsgRule'::regclass) THEN '' ELSE 'SUBMSG_SCHEMA.' END AS prefix) AS list;

COMMENT ON VIEW SUBMSG_SCHEMA.subMsgHealth IS 'Whether messages go out, one line a fact; what needs a person has state warn';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgHealth.name          IS 'Of what';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgHealth.value         IS 'How much, or which';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgHealth.state         IS 'ok or warn';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgHealth.remark        IS 'What it means, or what to do';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgHealth.remarkEnglish IS 'The same in English';

DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER VIEW SUBMSG_SCHEMA.subMsgHealth SET (security_invoker = true);
    END IF;
END $$;
