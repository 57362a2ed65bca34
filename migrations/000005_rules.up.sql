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
COMMENT ON COLUMN subMsgRuleError.rowData IS 'The row that the update wrote, each value as text';

-- SECURITY DEFINER: whoever may update the business table needs no right on ours. So the function must run no code of others,
-- with its owner's rights: only pg_catalog is searched (with our schema on the path, whoever may CREATE there could add an
-- overload that fits better than the built-in one: format(text, text), an operator regclass = oid), our tables are named with
-- their schema, and values of types that aren't built in are read by their type's output function, never by a cast.

DO $do$ BEGIN EXECUTE pg_catalog.replace($sql$

CREATE FUNCTION subMsgRule_fire() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule    record;
    content jsonb; -- the row: each column's value as text
    missing text;
BEGIN
    FOR rule IN SELECT * FROM SCHEMA_.subMsgRule WHERE tableName = TG_RELID ORDER BY id LOOP
        BEGIN
            IF content IS NULL THEN
                EXECUTE (SELECT format('SELECT jsonb_object(ARRAY[%s], ARRAY[%s]::text[])',
                             string_agg(quote_literal(attname), ', ' ORDER BY attnum),
                             string_agg(format(CASE typnamespace WHEN 'pg_catalog'::regnamespace THEN '($1).%1$I::text'
                                 ELSE 'CASE num_nulls(($1).%1$I) WHEN 0 THEN concat(($1).%1$I) END' END, attname), ', ' ORDER BY attnum))
                         FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
                         WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped)
                    INTO content USING NEW;
            END IF;

            PERFORM FROM pg_attribute WHERE attrelid = TG_RELID AND attname = rule.flagColumn AND atttypid = 'boolean'::regtype;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the table has no boolean column %', quote_ident(rule.flagColumn) USING ERRCODE = 'undefined_column';
            ELSIF NOT content ? rule.whenColumn THEN
                RAISE EXCEPTION 'the table has no column %', quote_ident(rule.whenColumn) USING ERRCODE = 'undefined_column';
            END IF;
            CONTINUE WHEN (content->>rule.flagColumn = 'true'
                AND (rule.whenColumn IS NULL OR content->>rule.whenColumn = ANY (rule.whenValues))) IS NOT TRUE;

            SELECT c INTO missing FROM unnest(rule.openidColumn || rule.paramColumns) AS c WHERE NOT content ? c LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'the table has no column %', quote_ident(missing) USING ERRCODE = 'undefined_column';
            END IF;
            INSERT INTO SCHEMA_.subMsgList (openid, templateId, parameterArr)
            VALUES (content->>rule.openidColumn, rule.templateId,
                ARRAY(SELECT coalesce(content->>c, '') FROM unnest(rule.paramColumns) WITH ORDINALITY AS p (c, n) ORDER BY n));
            NEW := jsonb_populate_record(NEW, jsonb_build_object(rule.flagColumn, false));
            content := content || jsonb_build_object(rule.flagColumn, 'false');
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % on % inserted no message: %', rule.id, TG_RELID::regclass, SQLERRM;
            BEGIN
                INSERT INTO SCHEMA_.subMsgRuleError (ruleId, error, rowData) VALUES (rule.id, SQLERRM, coalesce(content, '{}'));
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'submsg: and the error could not be stored: %', SQLERRM;
            END;
        END;
    END LOOP;
    RETURN NEW;
END $$

$sql$, 'SCHEMA_', pg_catalog.quote_ident(pg_catalog.current_schema()::text)); END $do$;

REVOKE EXECUTE ON FUNCTION subMsgRule_fire() FROM PUBLIC;
