-- The wake: a NOTIFY on the channel submsg that tells sleeping consumers to look, when messages are inserted or a pause ends.
-- Postgres calls it, after statements that applications and people run on subMsgList and subMsgPause. (An update of subMsgList by
-- hand wakes in objects/guards.sql.)
--
-- A commit with a pending NOTIFY takes one lock for the whole instance, so the triggers notify only while a consumer sleeps. The
-- sequence subMsgWake says so: it is 1 then. The WHEN clauses read it by a built-in, so that an insert calls no function of ours while
-- submsg is awake.

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsg_wake() RETURNS trigger
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
BEGIN
    -- A full notification queue would abort the application's commit, and no exception handler helps: the poll finds the row.
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('submsg', '');
    END IF;
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsg_wake() FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgList_wake_insert AFTER INSERT ON SUBMSG_SCHEMA.subMsgList FOR EACH STATEMENT
WHEN (pg_sequence_last_value('SUBMSG_SCHEMA.subMsgWake'::regclass) = 1)
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsg_wake();

-- A pause ends by DELETE or TRUNCATE, and its probe comes earlier by an UPDATE.
CREATE OR REPLACE TRIGGER subMsgPause_wake AFTER DELETE ON SUBMSG_SCHEMA.subMsgPause FOR EACH STATEMENT
WHEN (pg_sequence_last_value('SUBMSG_SCHEMA.subMsgWake'::regclass) = 1)
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsg_wake();

CREATE OR REPLACE TRIGGER subMsgPause_wake_truncate AFTER TRUNCATE ON SUBMSG_SCHEMA.subMsgPause FOR EACH STATEMENT
WHEN (pg_sequence_last_value('SUBMSG_SCHEMA.subMsgWake'::regclass) = 1)
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsg_wake();

CREATE OR REPLACE TRIGGER subMsgPause_wake_update AFTER UPDATE ON SUBMSG_SCHEMA.subMsgPause FOR EACH ROW
WHEN (NEW.probeAt < OLD.probeAt AND pg_sequence_last_value('SUBMSG_SCHEMA.subMsgWake'::regclass) = 1)
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsg_wake();
