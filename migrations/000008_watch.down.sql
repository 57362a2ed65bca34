-- Rules that 000005 can't say (without a flag, with texts, maps or a hold window, broken ones) go.
ALTER TABLE subMsgRule RENAME TO subMsgRule_new;
ALTER INDEX subMsgRule_tableName RENAME TO subMsgRule_new_tableName;
ALTER INDEX subMsgRule_pkey RENAME TO subMsgRule_new_pkey;
ALTER SEQUENCE subMsgRule_id_seq RENAME TO subMsgRule_new_id_seq;

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

INSERT INTO subMsgRule (id, tableName, templateId, openidColumn, paramColumns, flagColumn, whenColumn, whenValues, createTime) OVERRIDING SYSTEM VALUE
SELECT id, tableName, templateId, named->>(plan->>'openid'), ARRAY(SELECT named->>(p->>'column') FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n) ORDER BY n),
    named->>(plan->>'flag'), named->>(plan->>'whenColumn'), (SELECT array_agg(v) FROM jsonb_array_elements_text(plan->'whenValues') AS v), createTime
FROM subMsgRule_new, LATERAL (SELECT jsonb_object(columnLabels::text[], columnNames)) AS c (named)
WHERE plan ? 'flag' AND NOT plan ?| '{filter,onInsert,hold,sendAfter,expireTime,dedupKey,page}'
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(plan->'params') AS p WHERE p - 'column' <> '{}');
SELECT setval('subMsgRule_id_seq', greatest(max(id), 1)) FROM subMsgRule;

DO $$ DECLARE
    old record;
BEGIN
    FOR old IN SELECT tgname, tgrelid::regclass AS target FROM pg_trigger WHERE tgfoid IN ('subMsgRule_fire'::regproc, 'subMsgRule_touch'::regproc) AND tgparentid = 0 LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', old.tgname, old.target);
    END LOOP;
    FOR old IN SELECT tableName AS target, flagColumn FROM subMsgRule GROUP BY 1, 2 LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW WHEN (NEW.%I) EXECUTE FUNCTION subMsgRule_fire()',
            CASE WHEN old.target = to_regclass('orders') THEN 'zz_submsgrule' ELSE 'zz_submsgrule_' || old.flagColumn END, old.target, old.flagColumn);
    END LOOP;
END $$;

DROP FUNCTION submsg_watch, submsg_unwatch, subMsgRule_touch;
DROP TABLE subMsgRule_new CASCADE; -- and the functions that take its rows
DROP FUNCTION subMsgRule_check, subMsgRule_armed, subMsgRule_arm, subMsgRule_trigger, subMsgRule_any, subMsgRule_changes, subMsgRule_apply, subMsgRule_failed, subMsgRule_renew,
    subMsgRule_flaw, subMsgRule_hold, subMsgRule_cancel, subMsgRule_place, subMsgRule_seen, subMsgRule_object_sql, subMsgRule_time_sql, subMsgRule_param_sql,
    subMsgRule_astext, subMsgRule_value, subMsgRule_plan, subMsgRule_key, subMsgRule_refusal, subMsgRule_time, subMsgRule_param, subMsgRule_text, subMsgRule_column;
DROP TABLE subMsgHeld, subMsgTemplate;
ALTER TABLE subMsgRuleError DROP rowKey;
COMMENT ON COLUMN subMsgRuleError.rowData IS 'The row that the update wrote, each value as text';

DO $do$ BEGIN EXECUTE pg_catalog.replace($sql$

CREATE OR REPLACE FUNCTION subMsgRule_fire() RETURNS trigger
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

