-- Retention: deletes old settled messages. submsg serve calls it every hour (outbox/retention.go), with what
-- SUBMSG_RETENTION asks for.
--
-- It is a function because whoever got hold of a login with the right to DELETE could delete everything. This function deletes, whatever
-- it is asked for, only settled rows that were inserted more than a day ago and that nobody has changed for a day. Nobody can make a row
-- look older than it is by hand, because objects/guards.sql lets updateTime only grow; submsg's own login could, by what looks like a
-- settlement, but it can't change createTime. The function is SECURITY DEFINER, so it must not run other people's code with its
-- owner's rights: it searches nothing but pg_catalog, and names our tables with their schema.
--
-- One call looks at the next `most` ids after afterId, and deletes those whose status is in `statuses` and which nobody has changed for
-- longer than the age at the same place of `ages`. It waits for no row: it passes over one that somebody holds. So several replicas
-- may delete at the same time, and there is no lock between them that somebody else could hold.
-- upTo is the id after which the next call goes on. It is NULL when there is nothing to go on for: because no id is left, or because
-- all rows looked at are younger than the least age (those behind them are then, too, as ids nearly follow createTime).

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsg_forget(
    afterId bigint, most integer, statuses text[], ages interval[], OUT upTo bigint, OUT gone bigint)
LANGUAGE plpgsql SECURITY DEFINER SUBMSG_SETTINGS
SET lock_timeout = '20ms'
SET enable_sort = off -- A plan that is made for any `most` may otherwise read the whole table to sort it.
AS $$
BEGIN
    SELECT max(id) INTO upTo
    FROM (SELECT id, createTime FROM SUBMSG_SCHEMA.subMsgList WHERE id > afterId ORDER BY id LIMIT least(most, 10000)) AS next
    HAVING bool_or(createTime < now() - (SELECT min(age) FROM unnest(ages) AS age));

    -- The conditions stand beside FOR UPDATE, which evaluates them again on a row that was changed in between.
    DELETE FROM SUBMSG_SCHEMA.subMsgList WHERE id = ANY (ARRAY(
        SELECT m.id
        FROM SUBMSG_SCHEMA.subMsgList m JOIN unnest(statuses, ages) AS kept (status, age) ON kept.status = m.sendStatus
        WHERE m.id > afterId AND m.id <= upTo
          AND m.sendStatus NOT IN ('wait', 'sending')
          AND greatest(m.createTime, m.updateTime) < now() - greatest(kept.age, interval '1 day')
        FOR UPDATE OF m SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
END $$;

REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsg_forget(bigint, integer, text[], interval[]) FROM PUBLIC;
