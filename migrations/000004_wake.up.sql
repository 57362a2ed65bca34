-- The wake. A commit with a pending NOTIFY takes one lock for the whole instance, so the triggers notify
-- only while a consumer sleeps. subMsgWake is that flag: 1 = somebody sleeps, wake him; 2 or never set = nobody does.
-- It is a sequence because sequences aren't transactional: no snapshot, REPEATABLE READ included, hides its value.
-- The WHEN clauses read it by a built-in, so that an insert calls no function of ours while submsg is awake.

CREATE SEQUENCE subMsgWake MINVALUE 1 MAXVALUE 2;
COMMENT ON SEQUENCE subMsgWake IS 'Flag: 1 = a consumer of subMsgList sleeps and wants a NOTIFY; kept by submsg';
GRANT SELECT ON SEQUENCE subMsgWake TO PUBLIC; -- whoever may insert reads it; it tells nothing

CREATE FUNCTION subMsg_wake() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A full queue would abort the application's commit, and no exception handler helps; the poll finds the row.
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('submsg', '');
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION subMsg_wake() FROM PUBLIC;

CREATE TRIGGER subMsgList_wake_insert AFTER INSERT ON subMsgList FOR EACH STATEMENT
WHEN (pg_sequence_last_value('subMsgWake'::regclass) = 1)
EXECUTE FUNCTION subMsg_wake();

-- By row, so that its WHEN can leave out submsg's own updates; notifications of one transaction fold into one.
CREATE TRIGGER subMsgList_wake_update AFTER UPDATE ON subMsgList FOR EACH ROW
WHEN (NEW.sendStatus = 'wait'
    AND (OLD.sendStatus NOT IN ('wait', 'sending') OR NEW.sendAfter < OLD.sendAfter OR NEW.expireTime < OLD.expireTime)
    AND pg_sequence_last_value('subMsgWake'::regclass) = 1)
EXECUTE FUNCTION subMsg_wake();

CREATE TRIGGER subMsgPause_wake AFTER DELETE ON subMsgPause FOR EACH STATEMENT
WHEN (pg_sequence_last_value('subMsgWake'::regclass) = 1)
EXECUTE FUNCTION subMsg_wake();
