-- subMsgRule_query() writes the query of a rule: the statement that reads a message from a row. It is stored in
-- subMsgRule.query and run by subMsgRule_fire() (fire.sql). subMsgRule_current() (catalogue.sql) calls it, and
-- subMsgRule_preview() (test.sql) for a query of a stored row; values.sql says how the value of a column is read.
--
-- The query runs with the rights of submsg's owner, so nothing gets into it but names quoted from the catalogue, operators and
-- parameters: the row ($1), the row before the update ($2), and the plan ($3), in which all texts are that somebody has written.
-- The only literals are places in a plan, as in $3#>>'{params,0,else}', and what an expression of a generated column holds
-- (values.sql).
--
-- Its shape is SELECT … FROM (SELECT $1 AS n, $2 AS o OFFSET 0) AS r, and it returns a subMsgRuleReading. OFFSET 0 keeps Postgres
-- from writing the whole row anew wherever a column of it is read.

-- subMsgRule_text_sql returns the SQL of the parts of a text, ["refund ", 1], with the separator between them. place is where
-- the plan has them (params,0,text); texts tells what each column is in SQL: {"1": "(r.n).id::text"}.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_text_sql(parts jsonb, place text, texts jsonb, separator text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN texts->>(p #>> '{}') ELSE format('($3#>>''{%s,%s}'')', place, n - 1) END,
        separator ORDER BY n)
    FROM jsonb_array_elements(parts) WITH ORDINALITY AS e (p, n)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_text_sql FROM PUBLIC;

-- subMsgRule_param_sql returns the SQL of one parameter. format_value is its column's value where the parameter has a format.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_param_sql(param jsonb, place text, texts jsonb, format_value text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT CASE
        WHEN param ? 'text' THEN
            coalesce('concat(' || SUBMSG_SCHEMA.subMsgRule_text_sql(param->'text', place || ',text', texts, ', ') || ')', '''''')
        WHEN param ? 'map' THEN
            format('CASE WHEN %1$s IS NULL THEN %2$s ELSE coalesce(($3#>''{%3$s,map}'')->>%1$s, $3#>>''{%3$s,else}'') END',
                value, absent, place)
        WHEN param ? 'format' THEN
            format('coalesce(to_char(%s%s, $3#>>''{%s,format}''), %s)', format_value,
                CASE WHEN param ? 'zone' THEN format(' AT TIME ZONE ($3#>>''{%s,zone}'')', place) END, place, absent)
        ELSE
            format('coalesce(%s, %s)', value, absent)
    END
    FROM (SELECT texts->>(param->>'column'), CASE WHEN param ? 'null' THEN format('($3#>>''{%s,"null"}'')', place) ELSE '''''' END)
        AS p (value, absent)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_param_sql FROM PUBLIC;

-- subMsgRule_time_sql returns the SQL of a time; value is the SQL of its column, if it has one.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_time_sql(at jsonb, place text, value text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT CASE WHEN at IS NULL THEN 'NULL::timestamptz' ELSE format('%s + ($3#>>''{%s,add}'')::interval',
        CASE
            WHEN NOT at ? 'column' THEN 'now()'
            WHEN at ? 'zone' THEN format('(%s)::timestamp AT TIME ZONE ($3#>>''{%s,zone}'')', value, place)
            ELSE value END,
        place) END
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_time_sql FROM PUBLIC;

-- subMsgRule_encoded returns a value percent-encoded, as the page of a template file encodes it. Postgres reads its body once,
-- when it is made (RETURN instead of a text), so that it needs no settings and costs no call.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_encoded(value text) RETURNS text
LANGUAGE sql STABLE
RETURN CASE WHEN value ~ '[^A-Za-z0-9_.~-]'
    THEN regexp_replace(upper(encode(convert_to(value, 'UTF8'), 'hex')), '(..)', '%\1', 'g') ELSE value END;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_encoded FROM PUBLIC;

-- subMsgRule_page_texts returns texts with each value percent-encoded in SQL.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_page_texts(texts jsonb) RETURNS jsonb
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT jsonb_object_agg(key, format('SUBMSG_SCHEMA.subMsgRule_encoded(%s)', value)) FROM jsonb_each_text(texts)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_page_texts FROM PUBLIC;

-- subMsgRule_query returns the query of a rule; row_sql is the statement that gives the row as n, and as o before the update. The
-- query reads from the row whether it has the values that the rule asks for (fits), whether the rule's column has changed
-- (changed), whether the flag is set (flagged), the label of a column whose value is too long for a message (tooLong), the columns
-- of the message, and the key of the row.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_query(rule SUBMSG_SCHEMA.subMsgRule, row_sql text) RETURNS text
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    plan        jsonb      := rule.plan;
    expressions jsonb      := '{}'; -- the SQL of each column's value, by the column's label in the plan
    texts       jsonb      := '{}'; -- the same as text
    key         smallint[] := SUBMSG_SCHEMA.subMsgRule_key(rule.tableName);
    c           record;
    params      text;
    fits        text;
    too_long    text;
BEGIN
    SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type INTO c
    FROM unnest(rule.columnLabels, rule.columnNumbers) AS u (label, number)
        JOIN pg_attribute ON attrelid = rule.tableName AND attnum = number JOIN pg_type ON pg_type.oid = atttypid
    WHERE label::text IN (SELECT p->>'column' FROM jsonb_array_elements(plan->'params') AS p WHERE p ? 'format'
            UNION SELECT plan#>>'{sendAfter,column}' UNION SELECT plan#>>'{expireTime,column}')
        AND NOT (typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typcategory IN ('N', 'D', 'T'));
    IF FOUND THEN -- a type that isn't built in may bring casts along that are code of others
        RAISE EXCEPTION 'column % is of type % now, which has no format and is no time', c.name, c.type
            USING ERRCODE = 'datatype_mismatch';
    ELSIF plan ? 'hold' AND key <@ rule.columnNumbers IS NOT TRUE THEN
        RAISE EXCEPTION 'the key of the table is another now, or gone: define the rule again'
            USING ERRCODE = 'invalid_table_definition';
    END IF;
    FOR c IN SELECT label::text, number FROM unnest(rule.columnLabels, rule.columnNumbers) AS u (label, number) LOOP
        expressions := expressions || jsonb_build_object(c.label, SUBMSG_SCHEMA.subMsgRule_value(rule.tableName, c.number, 'r.n'));
        texts := texts || jsonb_build_object(c.label, SUBMSG_SCHEMA.subMsgRule_value_text(
            rule.tableName, c.number, 'r.n', CASE WHEN plan ? 'zone' THEN '$3->>''zone''' END));
    END LOOP;
    SELECT string_agg(SUBMSG_SCHEMA.subMsgRule_param_sql(
            p, format('params,%s', n - 1), texts, expressions->>(p->>'column')), ', ' ORDER BY n)
    INTO params FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n);
    SELECT string_agg(format('coalesce(($3#>''{%s}'') ? %s, false)', place, texts->>label), ' AND ') INTO fits
    FROM SUBMSG_SCHEMA.subMsgRule_conditions(plan);
    SELECT string_agg(format('WHEN %s THEN %s', long, label), ' ' ORDER BY label) INTO too_long
    FROM (SELECT label, SUBMSG_SCHEMA.subMsgRule_too_long_sql(rule.tableName,
            SUBMSG_SCHEMA.subMsgRule_column_number(rule, label), expressions->>label)
        FROM SUBMSG_SCHEMA.subMsgRule_shown_labels(plan) AS s (label)) AS l (label, long) WHERE long IS NOT NULL;
    RETURN format('SELECT %s AS fits, %s AS changed, %s AS flagged, %s AS tooLong, %s AS openid, ARRAY[%s]::text[] AS params, '
        '%s AS sendAfter, %s AS expireTime, %s AS dedupKey, %s AS page, %s AS rowKey FROM (%s OFFSET 0) AS r',
        coalesce(fits, 'true'),
        CASE WHEN plan ? 'flag' THEN 'true' ELSE SUBMSG_SCHEMA.subMsgRule_changed_sql(rule.tableName,
            SUBMSG_SCHEMA.subMsgRule_column_number(rule, plan->>'whenColumn'), 'r.o', 'r.n') END,
        CASE WHEN plan ? 'flag' THEN expressions->>(plan->>'flag') || ' IS TRUE' ELSE 'true' END,
        coalesce('CASE ' || too_long || ' END', 'NULL::integer'),
        texts->>(plan->>'openid'),
        params,
        SUBMSG_SCHEMA.subMsgRule_time_sql(plan->'sendAfter', 'sendAfter', expressions->>(plan#>>'{sendAfter,column}')),
        SUBMSG_SCHEMA.subMsgRule_time_sql(plan->'expireTime', 'expireTime', expressions->>(plan#>>'{expireTime,column}')),
        -- The dedupKey is NULL if one of its columns is; the page is not.
        coalesce(SUBMSG_SCHEMA.subMsgRule_text_sql(plan->'dedupKey', 'dedupKey', texts, ' || '), 'NULL::text'),
        coalesce('concat(' || SUBMSG_SCHEMA.subMsgRule_text_sql(
            plan->'page', 'page', SUBMSG_SCHEMA.subMsgRule_page_texts(texts), ', ') || ')', 'NULL::text'),
        CASE WHEN plan ? 'hold' THEN SUBMSG_SCHEMA.subMsgRule_object_sql(rule.tableName, key) ELSE 'NULL::jsonb' END,
        row_sql);
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_query FROM PUBLIC;
