DROP TRIGGER subMsgPause_wake_truncate ON subMsgPause;
DROP TRIGGER subMsgPause_wake_update ON subMsgPause;
DROP TRIGGER subMsgList_by_hand ON subMsgList;
DROP INDEX subMsgList_due, subMsgList_expiring;
ALTER TABLE subMsgList
    DROP COLUMN dueAt,
    DROP CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space,
    ADD  CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space
        CHECK (octet_length(openid) <= 64 AND openid <> '' AND openid !~ '[^!-~]'),
    DROP CONSTRAINT templateid_is_1_to_64_characters_without_white_space,
    ADD  CONSTRAINT templateid_is_1_to_64_characters_without_white_space
        CHECK (length(templateId) <= 64 AND templateId <> '' AND templateId !~ '[[:space:][:cntrl:]]'),
    DROP CONSTRAINT parameterarr_is_a_plain_list_without_null,
    ADD  CONSTRAINT parameterarr_is_a_plain_list_without_null
        CHECK (coalesce(array_ndims(parameterArr), 1) = 1 AND array_position(parameterArr, NULL) IS NULL),
    DROP CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired,
    ADD  CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired
        CHECK (sendStatus IN ('wait', 'sending', 'success', 'fail', 'unknown', 'cancel', 'expired')),
    RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor);
CREATE INDEX subMsgList_waiting  ON subMsgList (sendAfter, id) WHERE sendStatus = 'wait';
CREATE INDEX subMsgList_expiring ON subMsgList (expireTime) WHERE sendStatus = 'wait' AND expireTime IS NOT NULL;
CREATE INDEX subMsgList_sending  ON subMsgList (openid) WHERE sendStatus = 'sending';

CREATE FUNCTION subMsgList_touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.createTime := OLD.createTime;
    NEW.updateTime := greatest(now(), OLD.updateTime);
    RETURN NEW;
END $$;

CREATE TRIGGER subMsgList_touch BEFORE UPDATE ON subMsgList FOR EACH ROW
WHEN (NEW.createTime IS DISTINCT FROM OLD.createTime OR NEW.updateTime IS NULL OR NEW.updateTime <= OLD.updateTime)
EXECUTE FUNCTION subMsgList_touch();

CREATE OR REPLACE FUNCTION subMsgList_by_hand() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was text := OLD.sendStatus;
BEGIN
    IF was = 'sending' THEN
        IF OLD.leaseUntil > clock_timestamp() THEN
            RAISE EXCEPTION 'message % is being sent, until % at the latest; its sendStatus can''t be changed before', OLD.id, OLD.leaseUntil
                USING ERRCODE = 'object_in_use', HINT = 'Look again in a moment: the outcome will be in the row.';
        END IF;
        was := 'unknown'; -- the lease is over and nobody settled it: sent or not, a person decides
        NEW.leaseUntil := NULL;
    END IF;

    IF (was, NEW.sendStatus) NOT IN (
        ('wait', 'cancel'),
        ('success', 'wait'),
        ('fail', 'wait'), ('fail', 'cancel'),
        ('unknown', 'wait'), ('unknown', 'cancel'), ('unknown', 'success'), ('unknown', 'fail'), ('unknown', 'expired'),
        ('cancel', 'wait'),
        ('expired', 'wait'), ('expired', 'cancel'))
        AND was <> NEW.sendStatus
    THEN
        RAISE EXCEPTION 'message %: sendStatus can''t be changed from % to % by hand', OLD.id, was, NEW.sendStatus
            USING ERRCODE = 'check_violation',
                  HINT = 'By hand: wait to send (again), cancel to call off; on unknown also success or fail.';
    END IF;

    IF NEW.sendStatus = 'wait' THEN
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
    RETURN NEW;
END $$;

CREATE TRIGGER subMsgList_by_hand BEFORE UPDATE ON subMsgList FOR EACH ROW
WHEN (
    NEW.sendStatus <> OLD.sendStatus
        AND NOT (OLD.sendStatus = 'wait' AND NEW.sendStatus = 'sending' -- a claim
            AND NEW.leaseUntil IS NOT NULL AND NEW.claimId IS DISTINCT FROM OLD.claimId)
        AND NOT (OLD.sendStatus = 'wait' AND NEW.sendStatus = 'expired')
        AND NOT (OLD.sendStatus = 'sending' -- a settlement
            AND NEW.leaseUntil IS NULL AND NEW.claimId IS NOT DISTINCT FROM OLD.claimId)
    OR OLD.sendStatus = 'sending' AND NEW.sendStatus = 'sending' -- a whole row written back from an old reading
        AND (NEW.claimId IS DISTINCT FROM OLD.claimId OR NEW.leaseUntil IS DISTINCT FROM OLD.leaseUntil))
EXECUTE FUNCTION subMsgList_by_hand();

-- By row, so that its WHEN can leave out submsg's own updates; notifications of one transaction fold into one.
CREATE TRIGGER subMsgList_wake_update AFTER UPDATE ON subMsgList FOR EACH ROW
WHEN (NEW.sendStatus = 'wait'
    AND (OLD.sendStatus NOT IN ('wait', 'sending') OR NEW.sendAfter < OLD.sendAfter OR NEW.expireTime < OLD.expireTime)
    AND pg_sequence_last_value('subMsgWake'::regclass) = 1)
EXECUTE FUNCTION subMsg_wake();

DROP TABLE subMsgClaim;
REVOKE EXECUTE ON FUNCTION subMsgList_touch() FROM PUBLIC;
