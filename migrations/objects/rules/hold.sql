-- A rule with a hold makes messages that wait for a while: a row that leaves the state meanwhile calls its message off, and a
-- newer message of the same rule and row replaces it. subMsgHeld remembers which message a row waits for. subMsgRule_make()
-- (make.sql) calls these functions, with the rights of submsg's owner. Nothing here waits for a lock on a row.

-- subMsgRule_cancel_held calls off the message that a row waits for, if it still waits.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_cancel_held(rule bigint, key jsonb, reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    held bigint;
BEGIN
    DELETE FROM SUBMSG_SCHEMA.subMsgHeld
    WHERE (ruleId, rowKey) IN (
        SELECT h.ruleId, h.rowKey FROM SUBMSG_SCHEMA.subMsgHeld h WHERE h.ruleId = rule AND h.rowKey = key FOR UPDATE SKIP LOCKED)
    RETURNING messageId INTO held;
    UPDATE SUBMSG_SCHEMA.subMsgList SET sendStatus = 'cancel', sendStatusMsg = reason, dedupKey = NULL
    WHERE id = (SELECT id FROM SUBMSG_SCHEMA.subMsgList WHERE id = held AND sendStatus = 'wait' FOR UPDATE SKIP LOCKED);
    IF NOT FOUND AND EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgList WHERE id = held AND sendStatus = 'wait') THEN
        RAISE EXCEPTION 'message % should be cancelled, and another transaction holds it', held USING ERRCODE = 'lock_not_available';
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_cancel_held FROM PUBLIC;

-- subMsgRule_store_held remembers the message that a row waits for now, and removes a few entries whose messages were due long
-- ago.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_store_held(rule bigint, key jsonb, message bigint, until timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO SUBMSG_SCHEMA.subMsgHeld (ruleId, rowKey, messageId, due) VALUES (rule, key, message, until);
    IF current_setting('transaction_isolation') = 'read committed' THEN -- elsewhere an entry that others have deleted is an error
        DELETE FROM SUBMSG_SCHEMA.subMsgHeld
        WHERE (ruleId, rowKey) IN (
            SELECT h.ruleId, h.rowKey FROM SUBMSG_SCHEMA.subMsgHeld h WHERE h.due < now() - interval '1 minute'
            ORDER BY h.due LIMIT 4 FOR UPDATE SKIP LOCKED);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_store_held FROM PUBLIC;
