-- What a rule makes of a row that fires it: subMsgRule_make() inserts the message, or holds it, or calls the held one off (hold.sql).
-- subMsgRule_fire() (fire.sql) calls it, with the rights of submsg's owner and under its own settings.

-- subMsgRule_insert inserts a message and returns its id; NULL if there is one with this dedupKey.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_insert(
    openid text, templateId text, params text[], sendAfter timestamptz, expireTime timestamptz, page text, dedupKey text
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    message bigint;
BEGIN
    IF dedupKey IS NULL THEN
        INSERT INTO SUBMSG_SCHEMA.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page)
        VALUES (openid, templateId, params, sendAfter, expireTime, page) RETURNING id INTO message;
        RETURN message;
    END IF;
    BEGIN -- ON CONFLICT would be a serialization failure where a snapshot hides the other row
        INSERT INTO SUBMSG_SCHEMA.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
        VALUES (openid, templateId, params, sendAfter, expireTime, page, dedupKey) RETURNING id INTO message;
    EXCEPTION WHEN unique_violation THEN
        RETURN NULL;
    END;
    RETURN message;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_insert FROM PUBLIC;

-- subMsgRule_make makes the message that a rule's query has read from a row, and tells whether it did. With a hold, it calls off
-- the message of a row that has left the state.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_make(
    rule bigint, templateId text, plan jsonb, gone boolean, op text, m SUBMSG_SCHEMA.subMsgRuleReading) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    hold    interval    := (plan->>'hold')::float8 * interval '1 second';
    due     timestamptz := coalesce(m.sendAfter, now());
    message bigint;
BEGIN
    IF m.fits AND (op = 'INSERT' OR op = 'UPDATE' AND m.changed AND m.flagged) THEN
        IF gone OR m.tooLong IS NOT NULL OR m.openid IS NULL OR array_position(m.params, NULL) IS NOT NULL
            OR plan ? 'dedupKey' AND m.dedupKey IS NULL
        THEN
            RAISE EXCEPTION '%', SUBMSG_SCHEMA.subMsgRule_message_problem(rule, m.tooLong, m.openid, m.params, m.dedupKey)
                USING ERRCODE = 'data_exception';
        END IF;
        LOCK TABLE SUBMSG_SCHEMA.subMsgList, SUBMSG_SCHEMA.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
        IF hold IS NOT NULL THEN
            due := greatest(due, clock_timestamp() + hold);
            PERFORM SUBMSG_SCHEMA.subMsgRule_cancel_held(rule, m.rowKey,
                '已被同一条记录的新消息取代 (replaced by a newer message of the same rule and row)');
        END IF;
        message := SUBMSG_SCHEMA.subMsgRule_insert(m.openid, templateId, m.params, due, m.expireTime, m.page, m.dedupKey);
        IF hold IS NOT NULL AND message IS NOT NULL THEN
            PERFORM SUBMSG_SCHEMA.subMsgRule_store_held(rule, m.rowKey, message, due);
        END IF;
        RETURN true;
    ELSIF hold IS NOT NULL AND (op = 'DELETE' OR NOT m.fits) THEN
        LOCK TABLE SUBMSG_SCHEMA.subMsgList, SUBMSG_SCHEMA.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
        PERFORM SUBMSG_SCHEMA.subMsgRule_cancel_held(rule, m.rowKey,
            '记录已离开该状态 (the row left the state before the message was due)');
    END IF;
    RETURN false;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_make FROM PUBLIC;
