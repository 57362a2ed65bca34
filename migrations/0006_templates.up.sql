-- What submsg publishes for use in SQL: the templates in its files, and the causes for which messages fail or wait.

-- Every submsg serve writes here what it read from its template files; submsg_watch() checks rules against it. Empty means: not known.
-- Their files may differ, so that none of them takes away what another one may have published: what nobody has published for an hour goes.
CREATE TABLE subMsgTemplate (
    templateId text        PRIMARY KEY,
    name       text        NOT NULL,
    title      text        NOT NULL DEFAULT '',
    account    text        NOT NULL DEFAULT 'default',
    params     text[]      NOT NULL DEFAULT '{}',
    seenTime   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  subMsgTemplate IS 'The templates that some submsg serve has read from its files of late; rules are checked against them';
COMMENT ON COLUMN subMsgTemplate.templateId IS 'WeChat''s template id';
COMMENT ON COLUMN subMsgTemplate.name       IS 'The name in its file; the id, where another template has taken the name';
COMMENT ON COLUMN subMsgTemplate.title      IS 'The title of its card';
COMMENT ON COLUMN subMsgTemplate.account    IS 'The account that sends it';
COMMENT ON COLUMN subMsgTemplate.params     IS 'The meaning of parameterArr, in order';
COMMENT ON COLUMN subMsgTemplate.seenTime   IS 'When it was last published';

-- The words come from package explain, which submsg migrate and submsg serve publish here. The views join them by errCode, or by
-- errKind where there is no errCode. They stand in both tongues, and each reader sees one of them.
CREATE TABLE subMsgCause (
    errCode         integer UNIQUE,
    errKind         text    UNIQUE,
    cause           text    NOT NULL,
    nextStep        text    NOT NULL,
    causeEnglish    text    NOT NULL,
    nextStepEnglish text    NOT NULL,
    CONSTRAINT a_cause_has_either_an_errcode_or_an_errkind CHECK (pg_catalog.num_nonnulls(errCode, errKind) = 1)
);

COMMENT ON TABLE  subMsgCause IS 'Why messages fail or wait, and what to do, in plain words; published by submsg';
COMMENT ON COLUMN subMsgCause.errCode         IS 'WeChat''s errcode; null where errKind says what happened';
COMMENT ON COLUMN subMsgCause.errKind         IS 'submsg''s own word for what happened; null where there is an errcode';
COMMENT ON COLUMN subMsgCause.cause           IS 'What happened';
COMMENT ON COLUMN subMsgCause.nextStep        IS 'What to do';
COMMENT ON COLUMN subMsgCause.causeEnglish    IS 'What happened, in English';
COMMENT ON COLUMN subMsgCause.nextStepEnglish IS 'What to do, in English';
