-- Rules: "when a row of this table is updated so, insert this message". A rule is data. Its functions are in objects/rules: one generic
-- trigger function serves all rules, and never makes the business update fail.

CREATE TABLE subMsgRule (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text        NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    tableName      regclass    NOT NULL,
    templateId     text        NOT NULL,
    plan           jsonb       NOT NULL,
    columnLabels   smallint[]  NOT NULL,
    columnNames    text[]      NOT NULL,
    columnNumbers  smallint[]  NOT NULL,
    columnsRead    smallint[]  NOT NULL,
    columnSeen     text[]      NOT NULL,
    madeFor        text        NOT NULL,
    query          text        NOT NULL,
    createTime     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subMsgRule_tableName ON subMsgRule (tableName);

COMMENT ON TABLE  subMsgRule IS 'Which changes of which tables insert which messages: made by submsg_watch(), shown by submsg_rules()';
COMMENT ON COLUMN subMsgRule.id            IS 'Its number';
COMMENT ON COLUMN subMsgRule.name          IS 'Its name';
COMMENT ON COLUMN subMsgRule.tableName     IS 'The table; its triggers ~submsg… call subMsgRule_fire()';
COMMENT ON COLUMN subMsgRule.templateId    IS 'The message''s template';
COMMENT ON COLUMN subMsgRule.plan          IS 'The rule; a number in it is a column, by its label';
COMMENT ON COLUMN subMsgRule.columnLabels  IS 'The columns that the plan uses, as the plan calls them';
COMMENT ON COLUMN subMsgRule.columnNames   IS 'Their names, when last looked at: the truth in a restored database';
COMMENT ON COLUMN subMsgRule.columnNumbers IS 'Their numbers in madeFor, which renames don''t change: the truth in the same database';
COMMENT ON COLUMN subMsgRule.columnsRead   IS 'The numbers of these, and of the columns that generated ones among them are made of';
COMMENT ON COLUMN subMsgRule.columnSeen    IS
    'The rows of columnsRead in the catalogue when the query was made; if they differ now, it is made again';
COMMENT ON COLUMN subMsgRule.madeFor       IS 'Cluster, database and table that columnNumbers are of';
COMMENT ON COLUMN subMsgRule.query         IS
    'What reads the message from a row ($1, before the update $2) and the plan ($3); made from plan and catalogue';
COMMENT ON COLUMN subMsgRule.createTime    IS 'When it was made';

-- What a rule's query reads from a row.
CREATE TYPE subMsgRuleReading AS (
    fits       boolean,     -- the row has the values that the rule asks for
    changed    boolean,     -- the rule's column has changed
    flagged    boolean,     -- the flag is set
    tooLong    integer,     -- the label of a column whose value is too long for a message
    openid     text,
    params     text[],
    sendAfter  timestamptz,
    expireTime timestamptz,
    dedupKey   text,
    page       text,
    rowKey     jsonb        -- only where the rule has a hold
);

-- An update whose rule could not be applied leaves a row here; submsg_replay() makes up for it.
CREATE TABLE subMsgRuleError (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ruleId     bigint      NOT NULL,
    createTime timestamptz NOT NULL DEFAULT now(),
    error      text        NOT NULL,
    rowData    jsonb       NOT NULL,
    rowKey     jsonb
);
CREATE UNIQUE INDEX subMsgRuleError_row ON subMsgRuleError (ruleId, rowKey); -- a row that fails again and again is stored once

COMMENT ON TABLE  subMsgRuleError IS 'Updates whose rule could not be applied: the update went through, the message is missing';
COMMENT ON COLUMN subMsgRuleError.id         IS 'In the order in which they happened';
COMMENT ON COLUMN subMsgRuleError.ruleId     IS 'Which rule';
COMMENT ON COLUMN subMsgRuleError.createTime IS 'When';
COMMENT ON COLUMN subMsgRuleError.error      IS 'Why';
COMMENT ON COLUMN subMsgRuleError.rowData    IS 'What the rule uses of the row that the update wrote, each value as text';
COMMENT ON COLUMN subMsgRuleError.rowKey     IS 'Which row: its primary key, or unique columns; null if it has none';

-- Which waiting message a row has by a rule with a hold time. A row past its due time is of no use any more; a later message removes it.
CREATE TABLE subMsgHeld (
    ruleId    bigint      NOT NULL,
    rowKey    jsonb       NOT NULL,
    messageId bigint      NOT NULL,
    due       timestamptz NOT NULL,
    PRIMARY KEY (ruleId, rowKey)
);
CREATE INDEX subMsgHeld_due ON subMsgHeld (due);

COMMENT ON TABLE  subMsgHeld IS 'Messages within the hold window of their rule; kept by subMsgRule_fire()';
COMMENT ON COLUMN subMsgHeld.ruleId    IS 'Which rule';
COMMENT ON COLUMN subMsgHeld.rowKey    IS 'Which row of its table';
COMMENT ON COLUMN subMsgHeld.messageId IS 'Its message';
COMMENT ON COLUMN subMsgHeld.due       IS 'Until when it is held';
