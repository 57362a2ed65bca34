-- Rules: "when a row of this table is updated so, insert this message". A rule is data; one generic
-- trigger function serves all of them. Nothing here may ever make the business update fail.

CREATE TABLE subMsgRule (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tableName    regclass    NOT NULL,
    templateId   text        NOT NULL,
    openidColumn text        NOT NULL,
    paramColumns text[]      NOT NULL,
    flagColumn   text        NOT NULL,
    whenColumn   text,
    whenValues   text[],
    createTime   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT whencolumn_and_whenvalues_go_together CHECK ((whenColumn IS NULL) = (whenValues IS NULL))
);
CREATE INDEX subMsgRule_tableName ON subMsgRule (tableName);

COMMENT ON TABLE  subMsgRule IS 'Which updates of which tables insert which messages';
COMMENT ON COLUMN subMsgRule.tableName    IS 'The table; it needs a trigger that calls subMsgRule_fire()';
COMMENT ON COLUMN subMsgRule.templateId   IS 'The message''s template';
COMMENT ON COLUMN subMsgRule.openidColumn IS 'Column with the openid';
COMMENT ON COLUMN subMsgRule.paramColumns IS 'Columns that fill parameterArr, in order';
COMMENT ON COLUMN subMsgRule.flagColumn   IS 'Boolean column: true notifies, and is reset by the same update';
COMMENT ON COLUMN subMsgRule.whenColumn   IS 'If set: only rows whose value of this column is one of whenValues';
COMMENT ON COLUMN subMsgRule.whenValues   IS 'See whenColumn';

CREATE TABLE subMsgRuleError (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ruleId     bigint      NOT NULL,
    createTime timestamptz NOT NULL DEFAULT now(),
    error      text        NOT NULL,
    rowData    jsonb       NOT NULL
);
COMMENT ON TABLE  subMsgRuleError IS 'Updates whose rule could not be applied: the update went through, the message is missing';
COMMENT ON COLUMN subMsgRuleError.error   IS 'Why';
COMMENT ON COLUMN subMsgRuleError.rowData IS 'The row that the update wrote';

-- SECURITY DEFINER: whoever may update the business table needs no right on ours.
CREATE FUNCTION subMsgRule_fire() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    rule   subMsgRule;
    openid text;
    params text[];
    fits   boolean;
BEGIN
    FOR rule IN SELECT * FROM subMsgRule WHERE tableName = TG_RELID ORDER BY id LOOP
        BEGIN
            EXECUTE format('SELECT ($1).%I IS TRUE AND %s', rule.flagColumn,
                    CASE WHEN rule.whenColumn IS NULL THEN 'true' ELSE format('($1).%I::text = ANY ($2)', rule.whenColumn) END)
                INTO fits USING NEW, rule.whenValues;
            CONTINUE WHEN fits IS NOT TRUE;

            EXECUTE format('SELECT ($1).%I::text, ARRAY[%s]::text[]', rule.openidColumn,
                    (SELECT string_agg(format('coalesce(($1).%I::text, '''')', c), ', ' ORDER BY n)
                     FROM unnest(rule.paramColumns) WITH ORDINALITY AS p (c, n)))
                INTO openid, params USING NEW;
            INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES (openid, rule.templateId, params);
            NEW := jsonb_populate_record(NEW, jsonb_build_object(rule.flagColumn, false));
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % on % inserted no message: %', rule.id, TG_RELID::regclass, SQLERRM;
            BEGIN
                INSERT INTO subMsgRuleError (ruleId, error, rowData) VALUES (rule.id, SQLERRM, to_jsonb(NEW));
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'submsg: and the error could not be stored: %', SQLERRM;
            END;
        END;
    END LOOP;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION subMsgRule_fire() FROM PUBLIC;

-- Pinned to the schema that holds our tables, whatever the caller's search_path or temporary tables.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION subMsgRule_fire() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;
