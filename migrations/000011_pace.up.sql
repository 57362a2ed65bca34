-- How many messages a second all replicas together may send (SUBMSG_RATE): one row, a leaky bucket in the database's clock
-- (GCRA; ITU-T I.371). Each message granted moves spentUntil on by 1/rate, and it may lie a second ahead at most.

CREATE TABLE subMsgPace (
    id         smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    spentUntil timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE  subMsgPace IS 'What SUBMSG_RATE has let go so far, in one row; kept by submsg';
COMMENT ON COLUMN subMsgPace.spentUntil IS 'The rate is used up until then: in the past, it rests; a second ahead, the next message waits';

INSERT INTO subMsgPace DEFAULT VALUES;
