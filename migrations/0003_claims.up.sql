-- What the replicas of submsg serve share while they take messages: who has taken which, and how many may go.

-- A claim is a set of messages that one replica took together. Its ids stand here and not in an index of subMsgList, because each
-- settlement would have to write to that index. Rows live for seconds, so autovacuum counts dead rows and ignores the table's size.
CREATE TABLE subMsgClaim (
    claimId    uuid        PRIMARY KEY,
    leaseUntil timestamptz NOT NULL,
    ids        bigint[]    NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 1);

COMMENT ON TABLE  subMsgClaim IS 'Messages that were taken together to be sent; kept by submsg';
COMMENT ON COLUMN subMsgClaim.claimId    IS 'As in subMsgList';
COMMENT ON COLUMN subMsgClaim.leaseUntil IS 'When its messages that are still being sent become unknown';
COMMENT ON COLUMN subMsgClaim.ids        IS 'The ids of its messages';

-- How many messages a second all replicas together may send (SUBMSG_RATE): one row, a leaky bucket by the database's clock
-- (GCRA; ITU-T I.371). Each granted message moves spentUntil on by 1/rate, and spentUntil may lie at most a second ahead.
CREATE TABLE subMsgPace (
    id         smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    spentUntil timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO subMsgPace DEFAULT VALUES;

COMMENT ON TABLE  subMsgPace IS 'How much of SUBMSG_RATE is used up, in one row; kept by submsg';
COMMENT ON COLUMN subMsgPace.id         IS 'Always 1';
COMMENT ON COLUMN subMsgPace.spentUntil IS 'The rate is used up until then; a message may go while this is less than a second ahead';
