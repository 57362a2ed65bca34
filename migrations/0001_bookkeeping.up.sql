-- What the migrator remembers beside golang-migrate's version: which files of objects/ (functions, views, triggers) it has applied.
-- A file whose hash differs from the stored one is applied again; a binary older than `version` leaves it alone.

CREATE TABLE subMsgObject (
    file    text        PRIMARY KEY,
    hash    text        NOT NULL,
    version integer     NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON subMsgObject TO PUBLIC; -- it holds file names only, and every program of ours asks whether the database fits

COMMENT ON TABLE  subMsgObject IS 'Which files with functions, views and triggers the database has; kept by submsg migrate';
COMMENT ON COLUMN subMsgObject.file    IS 'Its path below migrations';
COMMENT ON COLUMN subMsgObject.hash    IS 'The hash of the text that was applied';
COMMENT ON COLUMN subMsgObject.version IS 'The schema version of the binary that applied it';
COMMENT ON COLUMN subMsgObject.applied IS 'When it was applied';
