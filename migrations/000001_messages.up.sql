-- The table of messages. Column order is reading order: SELECT * shows first what a person asks first.
-- Constraint names are sentences: they are what a person sees when a row is refused. Postgres evaluates them in every
-- update, so they are written to be cheap: a counted repetition ({1,64}) would cost twenty times as much.

CREATE TABLE subMsgList (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    openid        text        NOT NULL,
    templateId    text        NOT NULL,
    parameterArr  text[]      NOT NULL DEFAULT '{}',
    sendStatus    text        NOT NULL DEFAULT 'wait',
    sendStatusMsg text,
    errCode       integer,
    sendTime      timestamptz,
    createTime    timestamptz NOT NULL DEFAULT now(),
    updateTime    timestamptz NOT NULL DEFAULT now(),
    sendAfter     timestamptz NOT NULL DEFAULT now(),
    expireTime    timestamptz,
    page          text,
    dedupKey      text        UNIQUE,
    attempts      integer     NOT NULL DEFAULT 0,
    msgId         bigint,
    claimId       uuid,
    leaseUntil    timestamptz,

    CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space
        CHECK (octet_length(openid) <= 64 AND openid <> '' AND openid !~ '[^!-~]'),
    CONSTRAINT templateid_is_1_to_64_characters_without_white_space
        CHECK (length(templateId) <= 64 AND templateId <> '' AND templateId !~ '[[:space:][:cntrl:]]'),
    CONSTRAINT parameterarr_is_a_plain_list_without_null
        CHECK (coalesce(array_ndims(parameterArr), 1) = 1 AND array_position(parameterArr, NULL) IS NULL),
    CONSTRAINT parameterarr_is_at_most_32_values_and_8192_bytes
        CHECK (cardinality(parameterArr) <= 32 AND octet_length(array_to_string(parameterArr, '')) <= 8192),
    CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired
        CHECK (sendStatus IN ('wait', 'sending', 'success', 'fail', 'unknown', 'cancel', 'expired')),
    CONSTRAINT page_is_at_most_1024_characters
        CHECK (length(page) <= 1024),
    CONSTRAINT dedupkey_is_1_to_256_characters
        CHECK (length(dedupKey) BETWEEN 1 AND 256),
    CONSTRAINT attempts_is_not_negative
        CHECK (attempts >= 0),
    CONSTRAINT sending_and_only_sending_has_a_claim_with_a_lease
        CHECK ((sendStatus = 'sending') = (leaseUntil IS NOT NULL) AND (leaseUntil IS NULL OR claimId IS NOT NULL))
);

-- In claim order, waiting rows only: a claim costs the same whatever lies beside.
CREATE INDEX subMsgList_waiting  ON subMsgList (sendAfter, id) WHERE sendStatus = 'wait';
CREATE INDEX subMsgList_expiring ON subMsgList (expireTime) WHERE sendStatus = 'wait' AND expireTime IS NOT NULL;
-- As small as the number of senders; by openid, because one person is sent one message at a time.
CREATE INDEX subMsgList_sending  ON subMsgList (openid) WHERE sendStatus = 'sending';

COMMENT ON TABLE  subMsgList IS 'Messages to WeChat users: insert (openid, templateId, parameterArr), submsg sends and writes sendStatus';
COMMENT ON COLUMN subMsgList.openid        IS 'Who: the user''s openid for this mini-program';
COMMENT ON COLUMN subMsgList.templateId    IS 'Which template: WeChat''s template id, or the name in the template file';
COMMENT ON COLUMN subMsgList.parameterArr  IS 'The values, in the order of the template''s params';
COMMENT ON COLUMN subMsgList.sendStatus    IS 'wait, sending, success, fail, unknown, cancel, expired. By hand: wait sends (again), cancel calls off';
COMMENT ON COLUMN subMsgList.sendStatusMsg IS 'What WeChat or submsg said, for people';
COMMENT ON COLUMN subMsgList.errCode       IS 'WeChat''s errcode; null when WeChat did not answer';
COMMENT ON COLUMN subMsgList.sendTime      IS 'When the outcome was known';
COMMENT ON COLUMN subMsgList.createTime    IS 'When the row was inserted';
COMMENT ON COLUMN subMsgList.updateTime    IS 'When the row was last changed, by whomever';
COMMENT ON COLUMN subMsgList.sendAfter     IS 'Not before: a schedule, or the next try';
COMMENT ON COLUMN subMsgList.expireTime    IS 'Never send after this';
COMMENT ON COLUMN subMsgList.page          IS 'Page to open instead of the template''s';
COMMENT ON COLUMN subMsgList.dedupKey      IS 'Unique: insert with ON CONFLICT DO NOTHING to have one message a key';
COMMENT ON COLUMN subMsgList.attempts      IS 'Tries so far';
COMMENT ON COLUMN subMsgList.msgId         IS 'WeChat''s msgid of the accepted message';
COMMENT ON COLUMN subMsgList.claimId       IS 'Who sends, or last sent, this row; written by submsg';
COMMENT ON COLUMN subMsgList.leaseUntil    IS 'While sending: until when it can''t be changed; written by submsg';
