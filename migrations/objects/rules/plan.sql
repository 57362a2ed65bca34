-- subMsgRule_plan() makes a rule's plan of its arguments, and refuses what can't be a rule. submsg_watch() calls it to see
-- whether a rule is there already, and the trigger of subMsgRule (check.sql) to check what is written into that table.

-- subMsgRule_refusal tells why a table can't have rules; NULL if it can.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_refusal(target regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            OR c.relnamespace = pg_my_temp_schema() OR c.relpersistence = 't'
            THEN 'it is a ' || CASE c.relpersistence
                WHEN 't' THEN 'temporary table, and the rule would outlive it' ELSE 'table of the system' END
        WHEN c.relname LIKE 'submsg%' AND c.relnamespace = 'SUBMSG_SCHEMA'::regnamespace THEN 'it is one of submsg''s own'
        WHEN c.relkind IN ('v', 'm') THEN 'it is a view, and has no rows of its own: name the table that it shows'
        WHEN c.relkind = 'f' THEN 'it is a foreign table: its rows change where this database doesn''t see it'
        WHEN c.relkind NOT IN ('r', 'p') THEN 'it is no table'
        WHEN c.relispartition THEN 'it is a partition: name the whole, ' || pg_partition_root(target)::text
        WHEN NOT has_table_privilege(target, 'TRIGGER')
            THEN format('%s may not make triggers on it: GRANT TRIGGER ON %s TO %I', current_user, target, current_user)
        WHEN row_security_active(target)
            THEN format('its rows are hidden from %s by row security, and a rule would read all of them', current_user)
    END FROM pg_class c WHERE c.oid = target
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_refusal FROM PUBLIC;

-- subMsgRule_key returns the columns that tell a row from all others: the primary key, or else those of a unique index whose
-- columns can't be null. NULL if there is none.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_key(target regclass) RETURNS smallint[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.columns
    FROM pg_index i, LATERAL (SELECT ARRAY(
        SELECT n FROM unnest(i.indkey) WITH ORDINALITY AS u (n, at) WHERE at <= i.indnkeyatts ORDER BY at)) AS k (columns)
    WHERE i.indrelid = target AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k.columns) AND NOT attnotnull)
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_key FROM PUBLIC;

-- subMsgRule_plan turns the arguments ("openid": "buyer", …) into the plan ("openid": 3, …), whose columns are numbers.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_plan(target regclass, args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plan    jsonb := args - '{openid,params,flag,whenColumn,filter,hold,sendAfter,expireTime,dedupKey,page}'::text[];
    refusal text := SUBMSG_SCHEMA.subMsgRule_refusal(target);
BEGIN
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION '% can''t have rules: %', target, refusal USING ERRCODE = CASE
            WHEN refusal LIKE '% may not %' OR refusal LIKE '%row security%' THEN 'insufficient_privilege' ELSE 'wrong_object_type' END;
    ELSIF NOT args ?| '{flag,whenColumn}' THEN
        RAISE EXCEPTION 'the rule doesn''t say when it fires' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give flag => a boolean column, or whenColumn => a column and whenValues => what it changes to.';
    ELSIF args ? 'whenValues' AND NOT args ? 'whenColumn' THEN
        RAISE EXCEPTION 'whenValues are given without a whenColumn' USING ERRCODE = 'invalid_parameter_value';
    ELSIF args ? 'whenColumn' AND args ? 'flag' AND NOT args ? 'whenValues' THEN
        RAISE EXCEPTION 'with a flag, a whenColumn needs its whenValues'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The flag fires while the column has one of them.';
    END IF;
    plan := plan || jsonb_build_object('openid', SUBMSG_SCHEMA.subMsgRule_read_column(target, args->>'openid'),
        'params', (SELECT coalesce(jsonb_agg(SUBMSG_SCHEMA.subMsgRule_read_param(target, p) ORDER BY n), '[]')
            FROM jsonb_array_elements_text(args->'params') WITH ORDINALITY AS e (p, n)));
    IF args ? 'flag' THEN
        plan := plan || jsonb_build_object('flag', SUBMSG_SCHEMA.subMsgRule_read_flag(target, args->>'flag'));
    END IF;
    IF args ? 'whenColumn' THEN
        plan := plan || jsonb_build_object('whenColumn', SUBMSG_SCHEMA.subMsgRule_read_column(target, args->>'whenColumn'));
    END IF;
    IF args ? 'filter' THEN
        plan := plan || jsonb_build_object('filter', SUBMSG_SCHEMA.subMsgRule_read_filter(target, args->'filter'));
    END IF;
    IF args ? 'hold' AND (args->>'hold')::interval <= '0' THEN
        RAISE EXCEPTION 'hold must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
    ELSIF (args ? 'hold' OR args ? 'flag' AND args ? 'onInsert') AND SUBMSG_SCHEMA.subMsgRule_key(target) IS NULL THEN
        RAISE EXCEPTION '% has no primary key, and no unique index of columns that can''t be null: '
                'its rows can''t be told apart, as % needs it',
                target, CASE WHEN args ? 'hold' THEN 'hold' ELSE 'a flag on INSERT' END
            USING ERRCODE = 'invalid_parameter_value', HINT = format('Give it one: ALTER TABLE %s ADD PRIMARY KEY (…)', target);
    END IF;
    RETURN plan || jsonb_strip_nulls(jsonb_build_object('hold', extract(epoch FROM (args->>'hold')::interval)::text,
        'sendAfter', SUBMSG_SCHEMA.subMsgRule_read_time(target, args->>'sendAfter'),
        'expireTime', SUBMSG_SCHEMA.subMsgRule_read_time(target, args->>'expireTime'),
        'dedupKey', SUBMSG_SCHEMA.subMsgRule_read_text(target, args->>'dedupKey'),
        'page', SUBMSG_SCHEMA.subMsgRule_read_text(target, args->>'page')));
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_plan FROM PUBLIC;

-- subMsgRule_conditions returns what a plan asks of a row's values, filter and whenValues alike: [{"column": 7, "values":
-- ["food"]}].
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_conditions(plan jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(plan->'filter', '[]') || CASE WHEN plan ? 'whenValues'
        THEN jsonb_build_array(jsonb_build_object('column', plan->'whenColumn', 'values', plan->'whenValues')) ELSE '[]' END
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_conditions FROM PUBLIC;
