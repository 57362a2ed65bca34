-- A database restored from a backup, or copied for staging, believes that what was sent since is still waiting. So submsg serve
-- notes here where the messages live, compares that with what is true before it claims anything, and where they differ pauses
-- everything until a person has looked.
-- A dump restored into another database is told by the database's oid, into the same one by that of subMsgList, into another
-- cluster by the cluster's identifier; oids alone may be the same there by chance. Numbers, because a dump would let a regclass
-- mean the new table.

CREATE TABLE subMsgHome (
    id               smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    systemIdentifier bigint,
    databaseOid      oid         NOT NULL,
    listOid          oid         NOT NULL,
    since            timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  subMsgHome IS 'Where these messages live, in one row; kept by submsg, which pauses everything in a copy. None: submsg serve has not run yet';
COMMENT ON COLUMN subMsgHome.id               IS 'Always 1';
COMMENT ON COLUMN subMsgHome.systemIdentifier IS 'Of the cluster, by pg_control_system(); null where submsg may not ask';
COMMENT ON COLUMN subMsgHome.databaseOid      IS 'Of the database, as in pg_database';
COMMENT ON COLUMN subMsgHome.listOid          IS 'Of subMsgList, as in pg_class';
COMMENT ON COLUMN subMsgHome.since            IS 'When submsg serve began here; in a copy, when it noticed';

COMMENT ON TABLE  subMsgPause IS 'What is paused: its messages wait. DELETE a row to lift its pause';
COMMENT ON COLUMN subMsgPause.reason  IS 'What WeChat or submsg said, for people';
COMMENT ON COLUMN subMsgPause.probeAt IS 'When one message is tried next; infinity: never, until a person lifts the pause';
COMMENT ON VIEW   subMsgPaused IS 'What is paused, why, and how to let it go on. What WeChat has stopped goes on by itself when a probe succeeds; where nextProbe is infinity, a person has to look first';
COMMENT ON COLUMN subMsgPaused.why       IS 'What WeChat or submsg said, for people';
COMMENT ON COLUMN subMsgPaused.nextProbe IS 'When one message is tried next; infinity: never';
