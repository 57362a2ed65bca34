-- Retention: what submsg calls to delete old messages. A function, because with the right to DELETE whoever gets hold of
-- submsg's login could delete everything. Whatever this one is asked for, it deletes nothing but settled rows that nobody has
-- changed for a day; and nobody can make a row look older than it is, as subMsgList_by_hand lets updateTime only grow.
--
-- One call looks at the next `most` ids after afterId, and deletes those that have a status of the list and have not been
-- changed for longer than the age beside it. It waits for no row: one that somebody holds is passed over. upTo is where to go
-- on; NULL where there is nothing to go on for: no id is left, or all that were looked at were inserted since the least age
-- began (as were then those behind them: ids follow createTime nearly), or another replica is at it.
--
-- SECURITY DEFINER: see 000005 for what that asks for.

DO $do$ BEGIN EXECUTE pg_catalog.replace($sql$

CREATE FUNCTION subMsg_forget(afterId bigint, most integer, statuses text[], ages interval[], OUT upTo bigint, OUT gone bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '20ms'
SET enable_sort = off -- or a plan for any `most` may read the whole table to sort it
AS $$
BEGIN
    gone := 0;
    IF NOT pg_try_advisory_xact_lock(hashtext('subMsg_forget'), $name$SCHEMA_.subMsgList$name$::regclass::oid::integer) THEN
        RETURN;
    END IF;

    SELECT max(id) INTO upTo
    FROM (SELECT id, createTime FROM SCHEMA_.subMsgList WHERE id > afterId ORDER BY id LIMIT least(most, 10000)) AS next
    HAVING bool_or(createTime < now() - (SELECT min(age) FROM unnest(ages) AS age));

    -- The conditions stand beside FOR UPDATE, which looks again at a row that was changed in between.
    DELETE FROM SCHEMA_.subMsgList WHERE id = ANY (ARRAY(
        SELECT m.id
        FROM SCHEMA_.subMsgList m JOIN unnest(statuses, ages) AS kept (status, age) ON kept.status = m.sendStatus
        WHERE m.id > afterId AND m.id <= upTo
          AND m.sendStatus NOT IN ('wait', 'sending') AND m.updateTime < now() - greatest(kept.age, interval '1 day')
        FOR UPDATE OF m SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
END $$

$sql$, 'SCHEMA_', pg_catalog.quote_ident(pg_catalog.current_schema()::text)); END $do$;

REVOKE EXECUTE ON FUNCTION subMsg_forget(bigint, integer, text[], interval[]) FROM PUBLIC;
