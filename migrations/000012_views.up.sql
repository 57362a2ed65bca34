-- What people look at: views for SQL clients, and for `submsg status`. None reads more than a bounded number of rows,
-- whatever the size of subMsgList: there is no index by outcome, as it would have to be written at each settlement.
-- Words stand twice, in Chinese and in English, so that each reader sees one of them.
-- A view keeps the functions and operators that its words meant when it was made: these shall be Postgres's own, whatever lies
-- in the schema. So it is made with nothing else on the path.

DO $do$ DECLARE
    path  text := pg_catalog.current_setting('search_path');
    house text := pg_catalog.quote_ident(pg_catalog.current_schema()::text);
BEGIN
PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
EXECUTE pg_catalog.replace($sql$

-- The messages that were dealt with last, nearly: the newest. Where most of those still wait, these are a backlog, and what was sent
-- last lies below it: below the highest run of ids among those that are due first. Single ones far below are what somebody sends again.
CREATE VIEW SCHEMA_.subMsgRecent AS
WITH newest AS MATERIALIZED (
    SELECT id, templateId, sendStatus, sendStatusMsg, errCode, createTime, sendTime FROM SCHEMA_.subMsgList ORDER BY id DESC LIMIT 10000
), first AS (
    SELECT id, id - lag(id) OVER (ORDER BY id) AS gap
    FROM (SELECT id, templateId FROM SCHEMA_.subMsgList WHERE dueAt <= now() ORDER BY dueAt, id LIMIT 10000) AS due
    WHERE templateId NOT IN (SELECT templateId FROM SCHEMA_.subMsgPause)
), below AS MATERIALIZED (
    SELECT CASE WHEN count(*) FILTER (WHERE sendStatus = 'wait') > 5000
        THEN least(min(id), (SELECT max(id) FROM first WHERE gap > 100 OR gap IS NULL)) ELSE min(id) END AS id FROM newest
), before AS (
    SELECT id, templateId, sendStatus, sendStatusMsg, errCode, createTime, sendTime FROM SCHEMA_.subMsgList
    WHERE id < (SELECT id FROM below) ORDER BY id DESC LIMIT 10000
)
SELECT * FROM newest UNION ALL SELECT * FROM before;

COMMENT ON VIEW SCHEMA_.subMsgRecent IS 'The messages inserted last, and those sent last before a backlog: 20,000 at most, whatever the size of subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.id            IS 'As in subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.templateId    IS 'As in subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.sendStatus    IS 'As in subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.sendStatusMsg IS 'As in subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.errCode       IS 'As in subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.createTime    IS 'As in subMsgList';
COMMENT ON COLUMN SCHEMA_.subMsgRecent.sendTime      IS 'As in subMsgList';

-- The causes that messages fail or wait for, in plain words: by WeChat's errcode, or by what sendStatusMsg says where there is none.
-- The Chinese words are those of submsg's own texts.
CREATE VIEW SCHEMA_.subMsgCause AS
SELECT errCode, said, cause, nextStep, causeEnglish, nextStepEnglish FROM (VALUES
    (-1,     NULL, '微信系统繁忙', '稍后重发', 'WeChat is busy', 'send again later'),
    (20001,  NULL, '微信系统错误', '稍后重发', 'WeChat had an internal error', 'send again later'),
    (200001, NULL, '微信系统错误', '稍后重发', 'WeChat had an internal error', 'send again later'),
    (20002,  NULL, '请求参数错误', '检查各参数后重发', 'WeChat refused the values', 'check them and send again'),
    (200002, NULL, '请求参数错误', '检查各参数后重发', 'WeChat refused the values', 'check them and send again'),
    (40001,  NULL, 'access_token 或 AppSecret 无效', '检查 AppSecret，以及是否有其他程序刷新同一小程序的 token', 'the access token or the AppSecret is not valid', 'check the AppSecret, and whether another program renews the token of this mini-program'),
    (40014,  NULL, 'access_token 不合法', '检查 AppID、AppSecret 与微信接口地址是否属于同一小程序', 'the access token is not valid', 'check that AppID, AppSecret and SUBMSG_WECHAT_URL belong together'),
    (42001,  NULL, 'access_token 已过期', '检查微信接口地址与本机时钟', 'the access token has expired', 'check SUBMSG_WECHAT_URL and the clock'),
    (41001,  NULL, '缺少 access_token', '检查中间代理是否去掉了网址中的参数', 'the access token is missing', 'check whether a proxy cuts off the query of the URL'),
    (40002,  NULL, 'grant_type 不正确', '检查微信接口地址，或升级 submsg', 'wrong grant_type', 'check SUBMSG_WECHAT_URL, or upgrade submsg'),
    (40013,  NULL, 'AppID 不正确', '检查 SUBMSG_WECHAT_APPID', 'wrong AppID', 'check SUBMSG_WECHAT_APPID'),
    (40125,  NULL, 'AppSecret 不正确', '在微信公众平台核对或重置，并更新 SUBMSG_WECHAT_SECRET', 'wrong AppSecret', 'check or reset it on mp.weixin.qq.com, and set SUBMSG_WECHAT_SECRET'),
    (41002,  NULL, '缺少 AppID', '检查 SUBMSG_WECHAT_APPID', 'the AppID is missing', 'check SUBMSG_WECHAT_APPID'),
    (41004,  NULL, '缺少 AppSecret', '检查 SUBMSG_WECHAT_SECRET', 'the AppSecret is missing', 'check SUBMSG_WECHAT_SECRET'),
    (43002,  NULL, '接口必须用 POST 调用', '检查中间代理是否改写了请求', 'WeChat wants a POST', 'check whether a proxy rewrites requests'),
    (40243,  NULL, 'AppSecret 已被冻结', '在微信公众平台解冻', 'the AppSecret is frozen', 'unfreeze it on mp.weixin.qq.com'),
    (50004,  NULL, '小程序被禁止获取 access_token', '在微信公众平台查看处罚与申诉', 'the mini-program may not get access tokens', 'see penalties and appeals on mp.weixin.qq.com'),
    (50007,  NULL, '小程序账号已被冻结', '在微信公众平台处理', 'the mini-program''s account is frozen', 'settle it on mp.weixin.qq.com'),
    (40164,  NULL, '本机 IP 不在白名单', '在微信公众平台的 IP 白名单中加入本机地址，约 10 分钟后生效', 'this server''s IP address is not allowed', 'add it to the IP allow list on mp.weixin.qq.com; that takes about 10 minutes'),
    (89501,  NULL, '本机 IP 正等待管理员确认', '请管理员在微信中确认', 'this server''s IP address waits for approval', 'the mini-program''s administrator confirms it in WeChat'),
    (89503,  NULL, '本机 IP 调用需要管理员确认', '请管理员在微信中确认', 'this server''s IP address needs approval', 'the mini-program''s administrator confirms it in WeChat'),
    (89506,  NULL, '管理员拒绝了本机 IP，24 小时内不能再申请', '联系管理员', 'the administrator refused this server''s IP address for 24 hours', 'talk to the mini-program''s administrator'),
    (89507,  NULL, '管理员拒绝了本机 IP，1 小时内不能再申请', '联系管理员', 'the administrator refused this server''s IP address for an hour', 'talk to the mini-program''s administrator'),
    (40003,  NULL, 'openid 无效', '确认它属于本小程序', 'not an openid of this mini-program', 'correct the openid and send again'),
    (43101,  NULL, '用户未授权或授权次数已用完', '引导用户再次订阅；在此之前重发仍会失败', 'the user has not accepted this message, or has used up the acceptance', 'let the user subscribe again; before that, sending again fails again'),
    (43108,  NULL, '同一用户正有另一条消息在发送', '稍后重发', 'another message to this user was being sent', 'send again later'),
    (43117,  NULL, '给该用户发送过于频繁', '稍后重发', 'too many messages to this user', 'send again later'),
    (43004,  NULL, '用户未关注，不能接收', '无需重发', 'the user does not follow the account', 'nothing to send again'),
    (48002,  NULL, '用户关闭了接收消息', '无需重发', 'the user has turned messages off', 'nothing to send again'),
    (50002,  NULL, '用户受限，可能已注销或被封禁', '无需重发', 'the user is restricted, or gone', 'nothing to send again'),
    (40037,  NULL, '模板 ID 无效', '在微信公众平台确认该模板存在、属于本小程序且为订阅消息', 'no such template', 'see on mp.weixin.qq.com whether it exists, is this mini-program''s, and for subscribe messages'),
    (43102,  NULL, '该模板不是订阅消息模板', '换用订阅消息模板', 'not a template for subscribe messages', 'use one that is'),
    (43116,  NULL, '该模板已被封禁', '在微信公众平台查看，或换用其他模板', 'the template is banned', 'see mp.weixin.qq.com, or use another one'),
    (43104,  NULL, '小程序没有订阅消息的权限', '在微信公众平台开通', 'the mini-program may not send subscribe messages', 'apply for it on mp.weixin.qq.com'),
    (43106,  NULL, '小程序因违规被限制发送', '在微信公众平台查看处罚与申诉', 'the mini-program may not send, as a penalty', 'see penalties and appeals on mp.weixin.qq.com'),
    (43107,  NULL, '订阅消息能力被封禁', '在微信公众平台查看处罚与申诉', 'the mini-program''s subscribe messages are banned', 'see penalties and appeals on mp.weixin.qq.com'),
    (45009,  NULL, '今日接口调用次数已达上限', '等到次日，或在微信公众平台清零次数后自动恢复', 'the daily quota is used up', 'wait for tomorrow, or clear the quota on mp.weixin.qq.com; goes on by itself'),
    (45011,  NULL, '每分钟调用次数已达上限', '稍后自动恢复', 'the quota of the minute is used up', 'goes on by itself'),
    (45102,  NULL, '接口被平台暂时停用', '恢复后自动继续', 'WeChat has switched the interface off', 'goes on by itself'),
    (45501,  NULL, '接口被平台暂时停用', '恢复后自动继续', 'WeChat has switched the interface off', 'goes on by itself'),
    (45109,  NULL, '微信已停止支持该接口', '升级 submsg', 'WeChat no longer has this interface', 'upgrade submsg'),
    (48001,  NULL, '小程序没有此接口的权限', '在微信公众平台确认接口权限', 'the mini-program may not use this interface', 'see its rights on mp.weixin.qq.com'),
    (48008,  NULL, '小程序没有发送该类消息的权限', '在微信公众平台确认', 'the mini-program may not send this kind of message', 'see its rights on mp.weixin.qq.com'),
    (48004,  NULL, '接口被封禁', '在微信公众平台查看处罚与申诉', 'the interface is banned', 'see penalties and appeals on mp.weixin.qq.com'),
    (48006,  NULL, '本月清零次数已用完', '等到次日自动恢复', 'the quota can''t be cleared any more this month', 'goes on by itself tomorrow'),
    (41030,  NULL, '页面路径不正确', '确认该页面在已发布的小程序中存在', 'the page does not exist', 'see that it is in the published mini-program'),
    (47003,  NULL, '参数不符合模板要求', '按 sendStatusMsg 修改 parameterArr 后重发', 'a value does not fit the template', 'correct parameterArr by what sendStatusMsg says, and send again'),
    (45168,  NULL, '内容含有敏感词', '修改后重发', 'the text has a word that WeChat does not allow', 'change it and send again'),
    (40249,  NULL, '内容违规被拦截', '修改后重发', 'WeChat stopped the text', 'change it and send again'),
    (45012,  NULL, '消息内容过大', '缩短后重发', 'the message is too large', 'shorten it and send again'),
    (45013,  NULL, '消息内容过大', '缩短后重发', 'the message is too large', 'shorten it and send again'),
    (45014,  NULL, '消息内容过大', '缩短后重发', 'the message is too large', 'shorten it and send again'),
    (44002,  NULL, '微信说请求内容为空', '联系 submsg 开发者', 'WeChat says that the request was empty', 'tell the developers of submsg'),
    (47001,  NULL, '微信说请求不是正确的 JSON', '检查参数中的特殊字符', 'WeChat says that the request was no JSON', 'look for odd characters in parameterArr'),
    (47002,  NULL, '微信说请求格式错误', '检查参数中的特殊字符', 'WeChat says that the request was malformed', 'look for odd characters in parameterArr'),
    (40033,  NULL, '参数中含有微信不接受的字符', '修改后重发', 'a value has characters that WeChat does not take', 'change it and send again'),
    (NULL, '未知模板', '未知模板', '改正 templateId 或补上模板文件后重发', 'no template file of this name or id', 'correct templateId, or add the template file, and send again'),
    (NULL, '参数不符合模板要求', '参数不符合模板要求', '按 sendStatusMsg 修改 parameterArr 后重发', 'a value does not fit the template', 'correct parameterArr by what sendStatusMsg says, and send again'),
    (NULL, 'parameterArr 不是普通的文本列表', 'parameterArr 不是普通的文本列表', '改正后重发', 'parameterArr is not a plain list of texts', 'correct it and send again'),
    (NULL, '连不上微信', '连不上微信接口', '检查网络与 SUBMSG_WECHAT_URL 后重发', 'WeChat could not be reached', 'check the network and SUBMSG_WECHAT_URL, and send again'),
    (NULL, '请求未被微信受理', '请求未被微信受理', '检查 SUBMSG_WECHAT_URL 与代理后重发', 'the request did not come to WeChat', 'check SUBMSG_WECHAT_URL and the proxy, and send again'),
    (NULL, '请求可能已到达微信', '请求可能已到达微信，没有得到完整应答', '向用户核实后，未收到的改为 wait 重发，已收到的改为 success', 'the request may have reached WeChat, its answer is missing', 'ask the user; set wait to send again, success if it came'),
    (NULL, '授权已用完，前一次可能已经送达', '重发时授权已用完，前一次可能已经送达', '向用户核实后，已收到的改为 success', 'the acceptance was used up when it was sent again: the first try may have arrived', 'ask the user; set success if it came'),
    (NULL, '仍中断', '多次发送中断，可能正是这条消息使 submsg 崩溃', '联系 submsg 开发者，勿重发', 'submsg stopped again and again while it sent this message', 'tell the developers of submsg; do not send again'),
    (NULL, '发送中断', '发送中断，是否已送达未知', '向用户核实后，未收到的改为 wait 重发，已收到的改为 success', 'submsg stopped while it sent', 'ask the user; set wait to send again, success if it came'),
    (NULL, '内部错误', 'submsg 内部错误，是否已发送未知', '查看日志，联系 submsg 开发者', 'an internal error of submsg; whether it was sent is unknown', 'look into the log and tell the developers of submsg'),
    (NULL, '过期未发送', '过期未发送', '仍要发送时，改 expireTime 并将 sendStatus 改为 wait', 'its expireTime came before it could be sent', 'to send all the same, set expireTime and sendStatus = ''wait''')
) AS causes (errCode, said, cause, nextStep, causeEnglish, nextStepEnglish);

COMMENT ON VIEW SCHEMA_.subMsgCause IS 'Why messages fail, in plain words, and what to do';
COMMENT ON COLUMN SCHEMA_.subMsgCause.errCode         IS 'WeChat''s errcode; null when it is submsg that says so';
COMMENT ON COLUMN SCHEMA_.subMsgCause.said            IS 'What sendStatusMsg holds then, where there is no errcode';
COMMENT ON COLUMN SCHEMA_.subMsgCause.cause           IS 'What happened';
COMMENT ON COLUMN SCHEMA_.subMsgCause.nextStep        IS 'What to do';
COMMENT ON COLUMN SCHEMA_.subMsgCause.causeEnglish    IS 'What happened, in English';
COMMENT ON COLUMN SCHEMA_.subMsgCause.nextStepEnglish IS 'What to do, in English';

-- One text of sendStatusMsg stands for many: the details in parentheses and the number of tries are cut off before they are counted.
CREATE VIEW SCHEMA_.subMsgFailures AS
WITH failed AS (
    SELECT sendStatus, errCode, templateId, id, sendTime,
        CASE WHEN errCode IS NULL THEN split_part(regexp_replace(coalesce(sendStatusMsg, ''), '^已重试 [0-9]+ 次，不再重试： ', ''), ' (', 1) END AS said
    FROM SCHEMA_.subMsgRecent WHERE sendStatus IN ('fail', 'unknown', 'expired')
), counted AS (
    SELECT sendStatus, errCode, said, templateId, count(*) AS n, count(*) FILTER (WHERE sendTime > now() - interval '1 hour') AS lastHour,
        min(sendTime) AS oldest, max(sendTime) AS newest, min(id) AS lowest, max(id) AS highest
    FROM failed GROUP BY 1, 2, 3, 4
), explained AS (
    SELECT f.*, coalesce(c.said, f.said) AS words, c.nextStep, c.nextStepEnglish,
        coalesce(c.cause, nullif(f.said, ''), '微信返回了未收录的错误码 ' || f.errCode, '原因未记录') AS cause,
        coalesce(c.causeEnglish, nullif(f.said, ''), 'WeChat answered with an unknown errcode ' || f.errCode, 'no reason was written') AS causeEnglish
    FROM counted f LEFT JOIN LATERAL (SELECT * FROM SCHEMA_.subMsgCause c WHERE c.errCode = f.errCode OR f.errCode IS NULL AND position(c.said IN f.said) > 0 LIMIT 1) AS c ON true
)
SELECT cause, sendStatus, errCode, sum(n)::bigint AS count, sum(lastHour)::bigint AS lastHour, min(oldest) AS oldest, max(newest) AS newest,
    array_agg(DISTINCT templateId ORDER BY templateId) AS templateIds, max(highest) AS exampleId,
    coalesce(nextStep, '查阅微信文档中的错误码后再决定') AS nextStep,
    format('UPDATE subMsgList SET sendStatus = ''wait''%s WHERE id BETWEEN %s AND %s AND sendStatus = %L AND ',
            CASE sendStatus WHEN 'expired' THEN ', expireTime = NULL' END, min(lowest), max(highest), sendStatus)
        || CASE WHEN errCode IS NOT NULL THEN format('errCode = %s;', errCode)
                WHEN words = '' THEN 'errCode IS NULL AND coalesce(sendStatusMsg, '''') = '''';'
                ELSE format('errCode IS NULL AND position(%L IN sendStatusMsg) > 0;', words) END AS sendAgain,
    causeEnglish, coalesce(nextStepEnglish, 'look the errcode up in WeChat''s documents') AS nextStepEnglish
FROM explained
GROUP BY cause, causeEnglish, sendStatus, errCode, words, nextStep, nextStepEnglish
ORDER BY count DESC, newest DESC;

COMMENT ON VIEW SCHEMA_.subMsgFailures IS 'What went wrong with the messages of subMsgRecent: failed, unknown, expired, by cause';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.cause           IS 'What happened';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.sendStatus      IS 'fail, unknown or expired';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.errCode         IS 'WeChat''s errcode; null when WeChat did not answer';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.count           IS 'How many messages';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.lastHour        IS 'How many of them within the last hour';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.oldest          IS 'When it happened first';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.newest          IS 'When it happened last';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.templateIds     IS 'Messages of which templates';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.exampleId       IS 'The id of one of them, the newest';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.nextStep        IS 'What to do';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.sendAgain       IS 'The statement that sends them again, once the cause is gone';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.causeEnglish    IS 'What happened, in English';
COMMENT ON COLUMN SCHEMA_.subMsgFailures.nextStepEnglish IS 'What to do, in English';

CREATE VIEW SCHEMA_.subMsgPaused AS
WITH first AS MATERIALIZED (
    SELECT templateId, count(*) AS n FROM (SELECT templateId FROM SCHEMA_.subMsgList WHERE dueAt IS NOT NULL ORDER BY dueAt, id LIMIT 10000) AS looked GROUP BY 1
)
SELECT CASE p.templateId WHEN '*' THEN '全部模板 (every template)' ELSE coalesce(trim(t.name || ' ' || t.title), p.templateId) END AS what,
    p.templateId, p.reason AS why, p.errCode, p.pausedAt AS since, p.probeAt AS nextProbe, p.probes,
    (SELECT coalesce(sum(n), 0)::bigint FROM first f WHERE p.templateId IN ('*', f.templateId)) AS waiting,
    (SELECT coalesce(sum(n), 0)::bigint FROM first) AS waitingOf,
    format('DELETE FROM subMsgPause WHERE templateId = %L;', p.templateId) AS lift
FROM SCHEMA_.subMsgPause p LEFT JOIN SCHEMA_.subMsgTemplate t ON p.templateId IN (t.templateId, t.name)
ORDER BY p.templateId <> '*', p.pausedAt, p.templateId;

COMMENT ON VIEW SCHEMA_.subMsgPaused IS 'What WeChat has stopped, why, and how to let it go on; it goes on by itself when a probe succeeds';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.what       IS 'Every template, or which one';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.templateId IS 'As in subMsgPause';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.why        IS 'What WeChat said, for people';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.errCode    IS 'WeChat''s errcode';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.since      IS 'Since when';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.nextProbe  IS 'When one message is tried next';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.probes     IS 'Tries since then';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.waiting    IS 'How many messages wait for it, of those looked at';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.waitingOf  IS 'How many waiting messages were looked at: the first 10,000';
COMMENT ON COLUMN SCHEMA_.subMsgPaused.lift       IS 'The statement that lets it go on now';

-- Who may see little of other sessions (pg_stat_activity) sees little here too: no age and no query of theirs.
CREATE VIEW SCHEMA_.subMsgHealth AS
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
    SELECT pid::text AS who, usename::text AS login, clock_timestamp() - xact_start AS age, state, left(regexp_replace(query, '\s+', ' ', 'g'), 120) AS query
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'
        AND (xact_start < clock_timestamp() - interval '1 min' OR greatest(age(backend_xmin), age(backend_xid)) > 10000)
        AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
    UNION ALL
    SELECT 'prepared ' || gid, owner::text, clock_timestamp() - prepared, 'prepared', format('ROLLBACK PREPARED %L', gid)
    FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - interval '1 min'
    UNION ALL
    SELECT 'slot ' || slot_name, NULL, NULL, 'inactive', format('SELECT pg_drop_replication_slot(%L)', slot_name)
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
SELECT 'paused', count(*)::text, CASE WHEN count(*) > 0 THEN 'warn' ELSE 'ok' END,
    CASE WHEN count(*) > 0 THEN '被微信停止的模板或账号：看 subMsgPaused' ELSE '没有暂停' END,
    CASE WHEN count(*) > 0 THEN 'templates, or the account, that WeChat has stopped: see subMsgPaused' ELSE 'nothing is paused' END
FROM SCHEMA_.subMsgPause
UNION ALL
SELECT 'long transaction', who, 'warn',
    format('使死行不能清理，发送会越来越慢：%s，%s，已 %s，%s', coalesce(login, '?'), coalesce(state, '?'), coalesce(date_trunc('second', age)::text, '?'), coalesce(query, '?')),
    format('keeps dead rows from being removed, sending gets slower and slower: %s, %s, for %s, %s', coalesce(login, '?'), coalesce(state, '?'), coalesce(date_trunc('second', age)::text, '?'), coalesce(query, '?'))
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

COMMENT ON VIEW SCHEMA_.subMsgHealth IS 'Whether messages go out, one line a fact; what needs a person has state warn';
COMMENT ON COLUMN SCHEMA_.subMsgHealth.name          IS 'Of what';
COMMENT ON COLUMN SCHEMA_.subMsgHealth.value         IS 'How much, or which';
COMMENT ON COLUMN SCHEMA_.subMsgHealth.state         IS 'ok or warn';
COMMENT ON COLUMN SCHEMA_.subMsgHealth.remark        IS 'What it means, or what to do';
COMMENT ON COLUMN SCHEMA_.subMsgHealth.remarkEnglish IS 'The same in English';

$sql$, 'SCHEMA_', house);
PERFORM pg_catalog.set_config('search_path', path, true);
END $do$;

-- With the rights of who looks, where Postgres can do that (from 15 on). Before, a view reads its tables with the rights of its owner:
-- so none of these shows a column that isn't open to all who may read the view.
DO $do$ DECLARE
    v text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN
        FOREACH v IN ARRAY '{subMsgRecent,subMsgCause,subMsgFailures,subMsgPaused,subMsgHealth}'::text[] LOOP
            EXECUTE pg_catalog.format('ALTER VIEW %s SET (security_invoker = true)', v);
        END LOOP;
    END IF;
END $do$;

COMMENT ON COLUMN subMsgList.id             IS 'In the order of insertion, nearly';
COMMENT ON COLUMN subMsgClaim.claimId       IS 'As in subMsgList';
COMMENT ON COLUMN subMsgHeld.ruleId         IS 'Which rule';
COMMENT ON COLUMN subMsgHeld.rowKey         IS 'Which row of its table';
COMMENT ON COLUMN subMsgHeld.messageId      IS 'Its message';
COMMENT ON COLUMN subMsgHeld.due            IS 'Until when it is held';
COMMENT ON COLUMN subMsgRule.id             IS 'Its number';
COMMENT ON COLUMN subMsgRule.name           IS 'Its name';
COMMENT ON COLUMN subMsgRule.createTime     IS 'When it was made';
COMMENT ON COLUMN subMsgRuleError.id        IS 'In the order in which they happened';
COMMENT ON COLUMN subMsgRuleError.ruleId    IS 'Which rule';
COMMENT ON COLUMN subMsgRuleError.createTime IS 'When';
COMMENT ON COLUMN subMsgTemplate.templateId IS 'WeChat''s template id';
COMMENT ON COLUMN subMsgTemplate.name       IS 'The name in its file';
COMMENT ON COLUMN subMsgTemplate.title      IS 'The title of its card';

DO $do$ BEGIN
    IF pg_catalog.to_regclass('orders') IS NOT NULL THEN -- an example, which may have been dropped
        COMMENT ON COLUMN orders.id         IS 'The order';
        COMMENT ON COLUMN orders.openid     IS 'Whose it is';
        COMMENT ON COLUMN orders.name       IS 'First parameter of the message';
        COMMENT ON COLUMN orders.cardNumber IS 'Second parameter';
        COMMENT ON COLUMN orders.payMoney   IS 'Third parameter';
        COMMENT ON COLUMN orders.balance    IS 'Fourth parameter';
        COMMENT ON COLUMN orders.remark     IS 'Fifth parameter';
        COMMENT ON COLUMN orders.status     IS 'As the shop likes; in no message';
    END IF;
    IF pg_catalog.to_regclass('subMsgPace') IS NOT NULL THEN
        COMMENT ON COLUMN subMsgPace.id IS 'Always 1';
    END IF;
END $do$;
