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
    account    text        PRIMARY KEY,
    spentUntil timestamptz NOT NULL DEFAULT '-infinity'
);

COMMENT ON TABLE  subMsgPace IS 'How much of its rate each account has used up; kept by submsg';
COMMENT ON COLUMN subMsgPace.account    IS 'Its name';
COMMENT ON COLUMN subMsgPace.spentUntil IS 'The rate is used up until then; a message may go while this is less than a second ahead';

-- What each running submsg serve says of itself, so that people see what only its memory knows. One that stops takes its row away; that
-- of one that was killed isn't renewed any more, and goes after a while.
CREATE TABLE subMsgReplica (
    replica uuid        PRIMARY KEY,
    host    text        NOT NULL,
    pid     integer     NOT NULL,
    since   timestamptz NOT NULL DEFAULT now(),
    seen    timestamptz NOT NULL DEFAULT now(),
    accounts jsonb      NOT NULL,
    trouble text        NOT NULL,
    inHand  integer     NOT NULL,
    ahead   integer     NOT NULL,
    behind  bigint[]    NOT NULL,
    refused integer     NOT NULL,
    reasons jsonb       NOT NULL
) WITH (fillfactor = 50);

-- Which templates each of them knows, by each spelling that a message may have, and how many parameters they take there: while template
-- files are being changed, those of replicas differ. What one of them can't send is left to another that can.
CREATE TABLE subMsgReplicaTemplate (
    templateId text    NOT NULL,
    replica    uuid    NOT NULL REFERENCES subMsgReplica ON DELETE CASCADE,
    paramCount integer NOT NULL,
    PRIMARY KEY (templateId, replica)
);

COMMENT ON TABLE  subMsgReplicaTemplate IS 'Which templates each running submsg serve has read from its files; kept by submsg';
COMMENT ON COLUMN subMsgReplicaTemplate.templateId IS 'As it may stand in subMsgList: WeChat''s template id, or the name in the file';
COMMENT ON COLUMN subMsgReplicaTemplate.replica    IS 'As in subMsgReplica';
COMMENT ON COLUMN subMsgReplicaTemplate.paramCount IS 'How many values parameterArr must have';

COMMENT ON TABLE  subMsgReplica IS 'The running processes of submsg serve, as each says every half minute; kept by submsg';
COMMENT ON COLUMN subMsgReplica.replica IS 'A number of the process, another one after each start';
COMMENT ON COLUMN subMsgReplica.host    IS 'Where it runs';
COMMENT ON COLUMN subMsgReplica.pid     IS 'Its number there';
COMMENT ON COLUMN subMsgReplica.since   IS 'When it started';
COMMENT ON COLUMN subMsgReplica.seen    IS 'When it last said so; subMsgLivingReplica tells which of them are alive';
COMMENT ON COLUMN subMsgReplica.accounts IS 'Its accounts, by name, with the reason why one can send nothing: empty if it can';
COMMENT ON COLUMN subMsgReplica.trouble IS 'Why it can take no messages: empty if it can';
COMMENT ON COLUMN subMsgReplica.inHand  IS 'How many messages it holds: so many are in doubt if it dies';
COMMENT ON COLUMN subMsgReplica.ahead   IS 'How many of them wait for a sender';
COMMENT ON COLUMN subMsgReplica.behind  IS 'The ids of those that wait for another message to the same person; a hundred at most';
COMMENT ON COLUMN subMsgReplica.refused IS 'How many messages the database lets nobody write; counted to a hundred';
COMMENT ON COLUMN subMsgReplica.reasons IS 'Why, by their ids';
