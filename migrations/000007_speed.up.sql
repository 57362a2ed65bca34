-- What a message costs the database. Each UPDATE of a row that changes an indexed column, or a column that an index's
-- predicate names, writes to every index; one that changes none, on the same page, writes to none (HOT; PostgreSQL,
-- "Heap-Only Tuples"). So a settlement must not touch any: dueAt leaves its index when the message is claimed, and who
-- is sending what stands in a table of its own. Each statement reads the text of all CHECKs and WHENs anew: they are short.

CREATE TABLE subMsgClaim (
    claimId    uuid        PRIMARY KEY,
    leaseUntil timestamptz NOT NULL,
    ids        bigint[]    NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 1);
COMMENT ON TABLE  subMsgClaim IS 'Messages that were taken together to be sent; kept by submsg';
COMMENT ON COLUMN subMsgClaim.leaseUntil IS 'When its messages that are still being sent become unknown';
COMMENT ON COLUMN subMsgClaim.ids        IS 'Their ids';

INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
SELECT claimId, max(leaseUntil), array_agg(id) FROM subMsgList WHERE sendStatus = 'sending' GROUP BY claimId;

DROP TRIGGER subMsgList_touch ON subMsgList;
DROP TRIGGER subMsgList_by_hand ON subMsgList;
DROP TRIGGER subMsgList_wake_update ON subMsgList;
DROP FUNCTION subMsgList_touch();

DROP INDEX subMsgList_waiting, subMsgList_expiring, subMsgList_sending;

ALTER TABLE subMsgList
    ADD COLUMN dueAt timestamptz GENERATED ALWAYS AS (CASE WHEN sendStatus = 'wait' THEN sendAfter END) STORED,
    DROP CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space,
    ADD  CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space
        CHECK (octet_length(openid) <= 64 AND openid ~ '^[!-~]+$'),
    DROP CONSTRAINT templateid_is_1_to_64_characters_without_white_space,
    ADD  CONSTRAINT templateid_is_1_to_64_characters_without_white_space
        CHECK (length(templateId) <= 64 AND templateId ~ '^[^[:space:][:cntrl:]]+$'),
    DROP CONSTRAINT parameterarr_is_a_plain_list_without_null,
    ADD  CONSTRAINT parameterarr_is_a_plain_list_without_null
        CHECK (array_ndims(parameterArr) = 1 AND array_position(parameterArr, NULL) IS NULL), -- an empty one has no dimensions: NULL passes
    DROP CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired,
    ADD  CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired
        CHECK (sendStatus = ANY ('{wait,sending,success,fail,unknown,cancel,expired}'::text[])),
    SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);

COMMENT ON COLUMN subMsgList.dueAt IS 'While waiting: sendAfter; kept by the database';

-- In claim order, waiting rows only: a claim costs the same whatever lies beside.
CREATE INDEX subMsgList_due      ON subMsgList (dueAt, id) WHERE dueAt IS NOT NULL;
CREATE INDEX subMsgList_expiring ON subMsgList (expireTime) WHERE dueAt IS NOT NULL AND expireTime IS NOT NULL;

-- Every update that isn't submsg's claim or settlement: keeps times, guards the status, wakes submsg.
CREATE OR REPLACE FUNCTION subMsgList_by_hand() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was text := OLD.sendStatus;
BEGIN
    NEW.createTime := OLD.createTime;
    IF NEW.updateTime IS NULL OR NEW.updateTime <= OLD.updateTime THEN
        NEW.updateTime := greatest(now(), OLD.updateTime);
    END IF;

    IF was = 'sending' AND (NEW.sendStatus <> was OR NEW.claimId IS DISTINCT FROM OLD.claimId OR NEW.leaseUntil IS DISTINCT FROM OLD.leaseUntil) THEN
        IF OLD.leaseUntil > clock_timestamp() THEN
            RAISE EXCEPTION 'message % is being sent, until % at the latest; its sendStatus can''t be changed before', OLD.id, OLD.leaseUntil
                USING ERRCODE = 'object_in_use', HINT = 'Look again in a moment: the outcome will be in the row.';
        END IF;
        was := 'unknown'; -- the lease is over and nobody settled it: sent or not, a person decides
        NEW.leaseUntil := NULL;
    END IF;

    IF NEW.sendStatus <> was AND (was, NEW.sendStatus) NOT IN (
        ('wait', 'cancel'), ('wait', 'expired'),
        ('success', 'wait'),
        ('fail', 'wait'), ('fail', 'cancel'),
        ('unknown', 'wait'), ('unknown', 'cancel'), ('unknown', 'success'), ('unknown', 'fail'), ('unknown', 'expired'),
        ('cancel', 'wait'),
        ('expired', 'wait'), ('expired', 'cancel'))
    THEN
        RAISE EXCEPTION 'message %: sendStatus can''t be changed from % to % by hand', OLD.id, was, NEW.sendStatus
            USING ERRCODE = 'check_violation',
                  HINT = 'By hand: wait to send (again), cancel to call off; on unknown also success or fail.';
    END IF;

    IF NEW.sendStatus = 'wait' AND was <> 'wait' THEN
        IF NEW.expireTime <= clock_timestamp() THEN
            RAISE EXCEPTION 'message %: its expireTime % is over, so it can''t wait to be sent', OLD.id, NEW.expireTime
                USING ERRCODE = 'check_violation',
                      HINT = 'Set expireTime too, to a later time or to NULL.';
        END IF;
        NEW.attempts := 0;
        NEW.errCode := NULL;
        NEW.sendStatusMsg := NULL;
        NEW.sendTime := NULL;
        NEW.msgId := NULL;
        NEW.claimId := NULL; -- so that a late answer to the old send settles nothing
    END IF;

    -- A full queue would abort the application's commit, and no exception handler helps; the poll finds the row.
    IF NEW.sendStatus = 'wait' AND (was <> 'wait' OR NEW.templateId <> OLD.templateId OR NEW.sendAfter < OLD.sendAfter
            OR NEW.expireTime < coalesce(OLD.expireTime, 'infinity'))
        AND pg_sequence_last_value(format('%I.submsgwake', TG_TABLE_SCHEMA)::regclass) = 1 AND pg_notification_queue_usage() < 0.5
    THEN
        PERFORM pg_notify('submsg', '');
    END IF;
    RETURN NEW;
END $$;

-- A claim takes a lease in the name of a new claimId, from a waiting row; a settlement gives the lease back and keeps the claimId.
CREATE TRIGGER subMsgList_by_hand BEFORE UPDATE ON subMsgList FOR EACH ROW
WHEN ((OLD.leaseUntil IS NULL) = (NEW.leaseUntil IS NULL)
    OR (NEW.claimId IS DISTINCT FROM OLD.claimId) = (NEW.leaseUntil IS NULL)
    OR NEW.leaseUntil IS NOT NULL AND OLD.sendStatus <> 'wait')
EXECUTE FUNCTION subMsgList_by_hand();

CREATE TRIGGER subMsgPause_wake_update AFTER UPDATE ON subMsgPause FOR EACH ROW
WHEN (NEW.probeAt < OLD.probeAt AND pg_sequence_last_value('subMsgWake'::regclass) = 1)
EXECUTE FUNCTION subMsg_wake();

CREATE TRIGGER subMsgPause_wake_truncate AFTER TRUNCATE ON subMsgPause FOR EACH STATEMENT
WHEN (pg_sequence_last_value('subMsgWake'::regclass) = 1)
EXECUTE FUNCTION subMsg_wake();
