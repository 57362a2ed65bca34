-- A database that was restored from a backup, or copied for staging, believes that messages sent since then still wait. So submsg serve
-- notes here where these messages live. Before it claims anything it compares the note with the truth, and where they differ it pauses
-- everything until a person has looked.
--
-- The database's oid gives away a dump that was restored into another database, the oid of subMsgList one that was restored into
-- the same database, the cluster's identifier one in another cluster, where both oids may be the same by chance. They are stored as
-- numbers, because a dump would restore a regclass by its name, and so make it mean the new table.

CREATE TABLE subMsgOrigin (
    id               smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    systemIdentifier bigint,
    databaseOid      oid         NOT NULL,
    listOid          oid         NOT NULL,
    since            timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  subMsgOrigin IS
    'Where these messages live, in one row; kept by submsg, which pauses everything in a copy. No row: submsg serve has not run yet';
COMMENT ON COLUMN subMsgOrigin.id               IS 'Always 1';
COMMENT ON COLUMN subMsgOrigin.systemIdentifier IS 'Of the cluster, by pg_control_system(); null where submsg may not ask';
COMMENT ON COLUMN subMsgOrigin.databaseOid      IS 'Of the database, as in pg_database';
COMMENT ON COLUMN subMsgOrigin.listOid          IS 'Of subMsgList, as in pg_class';
COMMENT ON COLUMN subMsgOrigin.since            IS 'When submsg serve began here; in a copy, when it noticed';
