-- subMsgRule_plan() makes a rule's plan of its arguments, and refuses what can't be a rule. submsg_watch() calls it to see
-- whether a rule is there already, and the triggers of check.sql to make the plan that is stored. subMsgRule_plan_problem() says
-- what a plan may hold.

-- subMsgRule_refusal tells why a table can't have rules; NULL if it can.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_refusal(target regclass) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
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
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT k.columns
    FROM pg_index i, LATERAL (SELECT ARRAY(
        SELECT n FROM unnest(i.indkey) WITH ORDINALITY AS u (n, at) WHERE at <= i.indnkeyatts ORDER BY at)) AS k (columns)
    WHERE i.indrelid = target AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k.columns) AND NOT attnotnull)
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_key FROM PUBLIC;

-- subMsgRule_plan_problem tells what a plan has that no plan may have, or lacks; NULL if it is one. A number in a plan is a column:
-- whoever reads messages or errors sees its values, so a number may stand where subMsgRule_plan() writes one, and nowhere else.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_plan_problem(plan jsonb) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    WITH RECURSIVE part (place, value) AS (
        SELECT '', plan
        UNION ALL
        SELECT place || step, member
        FROM part, LATERAL (
            SELECT CASE WHEN place LIKE '%.map' THEN '.word' ELSE '.' || key END, m
            FROM jsonb_each(CASE jsonb_typeof(value) WHEN 'object' THEN value ELSE '{}' END) AS o (key, m)
            UNION ALL
            SELECT '[]', m FROM jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END) AS a (m)
        ) AS members (step, member)
    )
    SELECT coalesce(
        (SELECT 'it may not have ' || string_agg(DISTINCT format('%s as a %s', place, jsonb_typeof(value)), ', ') FROM part
        WHERE (place, jsonb_typeof(value)) NOT IN (
            ('', 'object'), ('.openid', 'number'), ('.params', 'array'), ('.params[]', 'object'),
            ('.params[].text', 'array'), ('.params[].text[]', 'string'), ('.params[].text[]', 'number'),
            ('.params[].column', 'number'), ('.params[].map', 'object'), ('.params[].map.word', 'string'),
            ('.params[].else', 'string'), ('.params[].format', 'string'), ('.params[].zone', 'string'), ('.params[].null', 'string'),
            ('.flag', 'number'), ('.whenColumn', 'number'), ('.whenValues', 'array'), ('.whenValues[]', 'string'),
            ('.filter', 'array'), ('.filter[]', 'object'), ('.filter[].column', 'number'),
            ('.filter[].values', 'array'), ('.filter[].values[]', 'string'),
            ('.onInsert', 'boolean'), ('.hold', 'string'), ('.zone', 'string'),
            ('.sendAfter', 'object'), ('.sendAfter.column', 'number'), ('.sendAfter.add', 'string'), ('.sendAfter.zone', 'string'),
            ('.expireTime', 'object'), ('.expireTime.column', 'number'), ('.expireTime.add', 'string'), ('.expireTime.zone', 'string'),
            ('.dedupKey', 'array'), ('.dedupKey[]', 'string'), ('.dedupKey[]', 'number'),
            ('.page', 'array'), ('.page[]', 'string'), ('.page[]', 'number'))),
        CASE WHEN NOT plan ?& '{openid,params}' THEN 'it has no openid or no params'
            WHEN NOT plan ?| '{flag,whenColumn}' THEN 'it doesn''t say when it fires'
            WHEN jsonb_path_exists(plan, '$.params[*] ? (!exists(@.text) && !exists(@.column))')
                THEN 'one of its params has neither a text nor a column' END)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_plan_problem FROM PUBLIC;

-- subMsgRule_plan turns the arguments ("openid": "buyer", …) into the plan ("openid": 3, …), whose columns are numbers. The zone
-- is that of whoever defines the rule: times are shown in it, whoever updates a row.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_plan(target regclass, args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    plan    jsonb;
    zone    text := coalesce(args->>'zone', 'UTC');
    refusal text := SUBMSG_SCHEMA.subMsgRule_refusal(target);
    problem text;
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
    plan := jsonb_strip_nulls(jsonb_build_object(
        'openid', SUBMSG_SCHEMA.subMsgRule_read_column(target, args->>'openid'),
        'params', (SELECT coalesce(jsonb_agg(SUBMSG_SCHEMA.subMsgRule_read_param(target, p, zone) ORDER BY n), '[]')
            FROM jsonb_array_elements_text(args->'params') WITH ORDINALITY AS e (p, n)),
        'flag', CASE WHEN args ? 'flag' THEN SUBMSG_SCHEMA.subMsgRule_read_flag(target, args->>'flag') END,
        'whenColumn', CASE WHEN args ? 'whenColumn' THEN SUBMSG_SCHEMA.subMsgRule_read_column(target, args->>'whenColumn') END,
        'whenValues', args->'whenValues',
        'filter', CASE WHEN args ? 'filter' THEN SUBMSG_SCHEMA.subMsgRule_read_filter(target, args->'filter') END,
        'onInsert', nullif(args->'onInsert', 'false'),
        'hold', extract(epoch FROM (args->>'hold')::interval)::text,
        'sendAfter', SUBMSG_SCHEMA.subMsgRule_read_time(target, args->>'sendAfter', zone),
        'expireTime', SUBMSG_SCHEMA.subMsgRule_read_time(target, args->>'expireTime', zone),
        'dedupKey', SUBMSG_SCHEMA.subMsgRule_read_text(target, args->>'dedupKey'),
        'page', SUBMSG_SCHEMA.subMsgRule_read_text(target, args->>'page')));
    IF plan ? 'hold' AND (args->>'hold')::interval <= '0' THEN
        RAISE EXCEPTION 'hold must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
    ELSIF (plan ? 'hold' OR plan ?& '{flag,onInsert}') AND SUBMSG_SCHEMA.subMsgRule_key(target) IS NULL THEN
        RAISE EXCEPTION '% has no primary key, and no unique index of columns that can''t be null: '
                'its rows can''t be told apart, as % needs it',
                target, CASE WHEN plan ? 'hold' THEN 'hold' ELSE 'a flag on INSERT' END
            USING ERRCODE = 'invalid_parameter_value', HINT = format('Give it one: ALTER TABLE %s ADD PRIMARY KEY (…)', target);
    END IF;
    IF EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = target AND SUBMSG_SCHEMA.subMsgRule_base_type(atttypid) = 'timestamptz'::regtype AND attnum::text IN (
            SELECT SUBMSG_SCHEMA.subMsgRule_shown_labels(plan) UNION SELECT label FROM SUBMSG_SCHEMA.subMsgRule_conditions(plan)))
    THEN
        plan := plan || jsonb_build_object('zone', zone);
    END IF;
    problem := SUBMSG_SCHEMA.subMsgRule_plan_problem(plan);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'this is no plan of a rule: %', problem USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN plan;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_plan FROM PUBLIC;
