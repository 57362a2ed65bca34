-- Guards of subMsgList. Hand edits are an interface, so this trigger makes any UPDATE from any SQL client safe: it keeps the times,
-- refuses a change of sendStatus that makes no sense (above all of a message that is being sent), clears the old outcome of a message
-- that shall be sent again, and wakes submsg.
-- Postgres calls it, for each updated row that is neither a claim nor a settlement of submsg.
-- A refusal is Chinese first; DETAIL and HINT say the same in English.

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgList_guard() RETURNS trigger
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
DECLARE
    was text := OLD.sendStatus;
BEGIN
    NEW.createTime := OLD.createTime;
    IF NEW.updateTime IS NULL OR NEW.updateTime <= OLD.updateTime THEN
        NEW.updateTime := greatest(now(), OLD.updateTime);
    END IF;

    IF was = 'sending' AND (NEW.sendStatus <> was
        OR NEW.claimId IS DISTINCT FROM OLD.claimId OR NEW.leaseUntil IS DISTINCT FROM OLD.leaseUntil)
    THEN
        IF OLD.leaseUntil > clock_timestamp() THEN
            RAISE EXCEPTION '消息 % 正在发送，最迟到 % 结束；在此之前不能修改它的 sendStatus', OLD.id, OLD.leaseUntil
                USING ERRCODE = 'object_in_use',
                      DETAIL = format('message %s is being sent, until %s at the latest; its sendStatus can''t be changed before',
                          OLD.id, OLD.leaseUntil),
                      HINT = '请稍后再看：结果会写在这一行里。(Look again in a moment: the outcome will be in the row.)';
        END IF;
        was := 'unknown'; -- The lease is over and nobody has settled the message: it was sent or not, and a person decides.
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
        RAISE EXCEPTION '消息 %：sendStatus 不能由人工从 % 改为 %', OLD.id, was, NEW.sendStatus
            USING ERRCODE = 'check_violation',
                  DETAIL = format('message %s: sendStatus can''t be changed from %s to %s by hand', OLD.id, was, NEW.sendStatus),
                  HINT = '人工可改为 wait（重新发送）或 cancel（取消）；unknown 还可改为 success 或 fail。'
                      || '(By hand: wait to send (again), cancel to call off; on unknown also success or fail.)';
    END IF;

    IF NEW.sendStatus = 'wait' AND was <> 'wait' THEN
        IF NEW.expireTime <= clock_timestamp() THEN
            RAISE EXCEPTION '消息 %：它的 expireTime % 已过，不能再等待发送', OLD.id, NEW.expireTime
                USING ERRCODE = 'check_violation',
                      DETAIL = format('message %s: its expireTime %s is over, so it can''t wait to be sent', OLD.id, NEW.expireTime),
                      HINT = '请同时把 expireTime 改为更晚的时间或 NULL。(Set expireTime too, to a later time or to NULL.)';
        END IF;
        NEW.attempts := 0;
        NEW.errCode := NULL;
        NEW.errKind := NULL;
        NEW.sendStatusMsg := NULL;
        NEW.sendTime := NULL;
        NEW.msgId := NULL;
        NEW.claimId := NULL; -- so that a late answer to the old send settles nothing
    END IF;

    -- A full notification queue would abort the commit of whoever updates, and no exception handler helps: the poll finds the row.
    IF NEW.sendStatus = 'wait' AND (was <> 'wait' OR NEW.templateId <> OLD.templateId OR NEW.sendAfter < OLD.sendAfter
            OR NEW.expireTime < coalesce(OLD.expireTime, 'infinity'))
        AND pg_sequence_last_value('SUBMSG_SCHEMA.subMsgWake'::regclass) = 1 AND pg_notification_queue_usage() < 0.5
    THEN
        PERFORM pg_notify('submsg', '');
    END IF;
    RETURN NEW;
END $$;

REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgList_guard() FROM PUBLIC;
ALTER FUNCTION SUBMSG_SCHEMA.subMsgList_guard() RESET TimeZone; -- a refusal tells the time in the zone of whoever reads it

-- The WHEN leaves out what submsg itself does, so that its claims and settlements call no function. A claim takes a lease in the name
-- of a new claimId, from a waiting row; a settlement gives the lease back and keeps the claimId. Postgres parses it in every statement.
CREATE OR REPLACE TRIGGER subMsgList_by_hand BEFORE UPDATE ON SUBMSG_SCHEMA.subMsgList FOR EACH ROW
WHEN ((OLD.leaseUntil IS NULL) = (NEW.leaseUntil IS NULL)
    OR (NEW.claimId IS DISTINCT FROM OLD.claimId) = (NEW.leaseUntil IS NULL)
    OR NEW.leaseUntil IS NOT NULL AND OLD.sendStatus <> 'wait')
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgList_guard();
