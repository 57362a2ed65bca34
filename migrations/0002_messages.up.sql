-- The table of messages. The columns stand in reading order: SELECT * shows first what a person asks first.
--
-- What a message costs the database is decided here. An UPDATE that changes an indexed column, or a column that the predicate of an
-- index names, writes to every index of the table; an UPDATE that changes none of these, and finds room on its page, writes to no index
-- (HOT; PostgreSQL, "Heap-Only Tuples"). A settlement must be of the second kind, so no index names a column that a settlement
-- changes: dueAt leaves its indexes when the message is claimed, and subMsgClaim says who is sending what.
--
-- The names of the constraints are sentences, because a person whose row is refused sees the name. Postgres parses and evaluates
-- every CHECK in every statement that writes, so they are short and cheap: a counted repetition ({1,64}) would cost twenty times as much.

CREATE TABLE subMsgList (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    openid        text        NOT NULL,
    templateId    text        NOT NULL,
    parameterArr  text[]      NOT NULL DEFAULT '{}',
    sendStatus    text        NOT NULL DEFAULT 'wait',
    sendStatusMsg text,
    errCode       integer,
    errKind       text,
    sendTime      timestamptz,
    createTime    timestamptz NOT NULL DEFAULT now(),
    updateTime    timestamptz NOT NULL DEFAULT now(),
    sendAfter     timestamptz NOT NULL DEFAULT now(),
    expireTime    timestamptz,
    page          text,
    dedupKey      text,
    attempts      integer     NOT NULL DEFAULT 0,
    msgId         bigint,
    claimId       uuid,
    leaseUntil    timestamptz,
    -- The place in the queue. A sendAfter before the row was there would be one before all who came earlier, so it counts for nothing.
    dueAt         timestamptz GENERATED ALWAYS AS (CASE WHEN sendStatus = 'wait' THEN greatest(sendAfter, createTime) END) STORED,
    -- The default serves those who can't name the column, such as a rule: they SET LOCAL submsg.traceparent in the transaction.
    -- It cuts what is too long, as outbox.Insert does; a longer value that somebody writes himself is refused.
    -- Nothing else is checked: the standard (W3C Trace Context) wants a malformed value to be ignored by whoever reads it.
    traceparent   text        DEFAULT left(nullif(current_setting('submsg.traceparent', true), ''), 55),

    CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space
        CHECK (octet_length(openid) <= 64 AND openid ~ '^[!-~]+$'),
    CONSTRAINT templateid_is_1_to_64_characters_without_white_space
        CHECK (length(templateId) <= 64 AND templateId ~ '^[^[:space:][:cntrl:]]+$'),
    CONSTRAINT parameterarr_is_a_plain_list_without_null -- an empty list has no dimensions: the CHECK is NULL, which passes
        CHECK (pg_catalog.array_ndims(parameterArr) = 1 AND pg_catalog.array_position(parameterArr, NULL) IS NULL),
    CONSTRAINT parameterarr_is_at_most_32_values_and_8192_bytes
        CHECK (pg_catalog.cardinality(parameterArr) <= 32 AND octet_length(pg_catalog.array_to_string(parameterArr, '')) <= 8192),
    CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired
        CHECK (sendStatus = ANY ('{wait,sending,success,fail,unknown,cancel,expired}'::text[])),
    CONSTRAINT page_is_at_most_1024_characters
        CHECK (length(page) <= 1024),
    CONSTRAINT dedupkey_is_1_to_256_characters
        CHECK (length(dedupKey) BETWEEN 1 AND 256),
    CONSTRAINT attempts_is_not_negative
        CHECK (attempts >= 0),
    CONSTRAINT sending_and_only_sending_has_a_claim_with_a_lease
        CHECK ((sendStatus = 'sending') = (leaseUntil IS NOT NULL) AND (leaseUntil IS NULL OR claimId IS NOT NULL)),
    CONSTRAINT traceparent_is_at_most_55_characters
        CHECK (length(traceparent) <= 55)
) WITH (fillfactor = 70, -- leaves room on the page for the new versions of its rows
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);

-- A claim writes to each index that holds the row: one of all keys would cost every message without a key as much as the primary key.
CREATE UNIQUE INDEX subMsgList_dedupKey ON subMsgList (dedupKey) WHERE dedupKey IS NOT NULL;

-- These hold waiting rows only, so a claim costs the same however many settled rows there are. The first begins with templateId, because
-- claims seek the templates that may go: whatever waits of the others is not in their way. By the second a claim of the newest messages
-- finds out whether an older one to the same person waits, which goes first.
CREATE INDEX subMsgList_due      ON subMsgList (templateId, dueAt, id) WHERE dueAt IS NOT NULL;
CREATE INDEX subMsgList_person   ON subMsgList (openid, dueAt, id) WHERE dueAt IS NOT NULL;
CREATE INDEX subMsgList_expiring ON subMsgList (expireTime) WHERE dueAt IS NOT NULL AND expireTime IS NOT NULL;

COMMENT ON TABLE  subMsgList IS 'Messages to WeChat users: insert (openid, templateId, parameterArr), submsg sends and writes sendStatus';
COMMENT ON COLUMN subMsgList.id            IS 'In the order of insertion, nearly';
COMMENT ON COLUMN subMsgList.openid        IS 'Who: the user''s openid for this mini-program';
COMMENT ON COLUMN subMsgList.templateId    IS 'Which template: WeChat''s template id, or the name in the template file';
COMMENT ON COLUMN subMsgList.parameterArr  IS 'The values, in the order of the template''s params';
COMMENT ON COLUMN subMsgList.sendStatus    IS
    'wait, sending, success, fail, unknown, cancel, expired. By hand: wait sends (again), cancel calls off';
COMMENT ON COLUMN subMsgList.sendStatusMsg IS 'What WeChat or submsg said, for people';
COMMENT ON COLUMN subMsgList.errCode       IS 'WeChat''s errcode, explained in subMsgCause; null when WeChat did not answer';
COMMENT ON COLUMN subMsgList.errKind       IS 'submsg''s own word for what happened where WeChat gave no errcode, explained in subMsgCause';
COMMENT ON COLUMN subMsgList.sendTime      IS 'When the outcome was known';
COMMENT ON COLUMN subMsgList.createTime    IS 'When the row was inserted';
COMMENT ON COLUMN subMsgList.updateTime    IS 'When the row was last changed, by whomever';
COMMENT ON COLUMN subMsgList.sendAfter     IS 'Not before: a schedule, or the next try';
COMMENT ON COLUMN subMsgList.expireTime    IS 'Never send after this';
COMMENT ON COLUMN subMsgList.page          IS 'Page to open instead of the template''s';
COMMENT ON COLUMN subMsgList.dedupKey      IS 'Unique: insert with ON CONFLICT DO NOTHING, without a target, to have one message a key';
COMMENT ON COLUMN subMsgList.attempts      IS 'Tries so far';
COMMENT ON COLUMN subMsgList.msgId         IS 'WeChat''s msgid of the accepted message';
COMMENT ON COLUMN subMsgList.claimId       IS 'The claim that sends, or last sent, this row: see subMsgClaim; written by submsg';
COMMENT ON COLUMN subMsgList.leaseUntil    IS 'While sending: until when it can''t be changed; written by submsg';
COMMENT ON COLUMN subMsgList.dueAt         IS 'While waiting: sendAfter, not before createTime; kept by the database';
COMMENT ON COLUMN subMsgList.traceparent   IS
    'The trace that it belongs to, as W3C''s traceparent; by default the setting submsg.traceparent of the transaction';
