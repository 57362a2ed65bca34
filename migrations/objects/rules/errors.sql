-- What becomes of a message that can't be made: the business update goes on, its client gets a WARNING, and subMsgRuleError
-- keeps which row it was. fire.sql calls these functions, and subMsgRule_preview() (test.sql) the first.

-- subMsgRule_message_problem tells why what a rule read from a row can't become a message; NULL if it can. tooLong is the label of
-- a column.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_message_problem(
    rule bigint, tooLong integer, openid text, params text[], dedupKey text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate)
            AND NOT EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name))
            THEN format('there is no template %I any more', r.templateId)
        WHEN tooLong IS NOT NULL
            THEN format('column %I has a value that is longer than a message can be (8192 bytes)',
                SUBMSG_SCHEMA.subMsgRule_column_name(r, tooLong::text))
        WHEN openid IS NULL
            THEN format('the openid, column %I, is NULL', SUBMSG_SCHEMA.subMsgRule_column_name(r, r.plan->>'openid'))
        WHEN array_position(params, NULL) IS NOT NULL
            THEN format('parameter %s: the map has no word for what column %I says', array_position(params, NULL),
                SUBMSG_SCHEMA.subMsgRule_column_name(r,
                    r.plan#>>ARRAY['params', (array_position(params, NULL) - 1)::text, 'column']))
        WHEN r.plan ? 'dedupKey' AND dedupKey IS NULL
            THEN 'a column of the dedupKey is NULL'
    END FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.id = rule
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_message_problem FROM PUBLIC;

-- subMsgRule_warn warns the client. Where the client's encoding has no such character, a warning would be an error, and the
-- update would fail.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_warn(warning text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING 'submsg: %', warning;
EXCEPTION WHEN untranslatable_character THEN
    RAISE WARNING 'submsg: %', regexp_replace(warning, '[^ -~]', '?', 'g');
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_warn FROM PUBLIC;

-- subMsgRule_error_query warns the client, and returns the query that reads, from the row ($1), its key and what the rule uses of
-- it, and no more of it.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_error_query(rule_id bigint, target oid, problem text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    rule       SUBMSG_SCHEMA.subMsgRule;
    used_names text[];
    used       smallint[];
    key        smallint[];
BEGIN
    SELECT * INTO rule FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.id = rule_id;
    PERFORM SUBMSG_SCHEMA.subMsgRule_warn(format('rule %L on %s inserted no message: %s',
        rule.name, target::regclass, left(problem, 1000)));
    -- What the columns of the rule are called now: whoever made the rule may read these, and not what has taken an old name.
    used_names := ARRAY(SELECT name FROM SUBMSG_SCHEMA.subMsgRule_columns(rule) WHERE name IS NOT NULL);
    used := ARRAY(
        SELECT attnum FROM pg_attribute WHERE attrelid = target AND attname = ANY (used_names) AND attgenerated = '');
    -- A key of columns that the rule doesn't know is another key than the rule was defined with, and is not shown.
    SELECT k INTO key FROM (SELECT SUBMSG_SCHEMA.subMsgRule_key(target::regclass)) AS t (k)
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k) AND attname <> ALL (used_names));
    RETURN format('SELECT %s, %s FROM (SELECT $1 AS n OFFSET 0) AS r',
        coalesce(SUBMSG_SCHEMA.subMsgRule_object_sql(target::regclass, key), 'NULL::jsonb'),
        coalesce(SUBMSG_SCHEMA.subMsgRule_object_sql(target::regclass, used), 'jsonb_build_object()'));
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_error_query FROM PUBLIC;

-- subMsgRule_store_error stores an error. A row has one error of a rule at most: a newer one replaces it.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_store_error(rule_id bigint, problem text, row_key jsonb, row_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE SUBMSG_SCHEMA.subMsgRuleError IN ROW EXCLUSIVE MODE NOWAIT;
    INSERT INTO SUBMSG_SCHEMA.subMsgRuleError AS e (ruleId, error, rowKey, rowData)
    VALUES (rule_id, left(problem, 1000), row_key, row_data)
    ON CONFLICT (ruleId, rowKey) DO UPDATE SET createTime = excluded.createTime, error = excluded.error, rowData = excluded.rowData;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_store_error FROM PUBLIC;
