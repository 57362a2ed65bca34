-- Any table notifies its users: submsg_watch() makes a rule of it. A rule is data; the only DDL made are the triggers of the
-- business table, and their WHEN clauses let an update that fires nothing call no function.

-- What `submsg serve` publishes of its template files, for submsg_watch() to check against. Empty: not known.
CREATE TABLE subMsgTemplate (
    templateId text        PRIMARY KEY,
    name       text        NOT NULL,
    title      text        NOT NULL DEFAULT '',
    params     text[]      NOT NULL DEFAULT '{}',
    seenTime   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  subMsgTemplate IS 'The templates that submsg serve last read from its files; rules are checked against them';
COMMENT ON COLUMN subMsgTemplate.params   IS 'The meaning of parameterArr, in order';
COMMENT ON COLUMN subMsgTemplate.seenTime IS 'When they were last published';

ALTER TABLE subMsgRule RENAME TO subMsgRule_old;
ALTER INDEX subMsgRule_tableName RENAME TO subMsgRule_old_tableName;
ALTER INDEX subMsgRule_pkey RENAME TO subMsgRule_old_pkey;
ALTER SEQUENCE subMsgRule_id_seq RENAME TO subMsgRule_old_id_seq;

CREATE TABLE subMsgRule (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text        NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    tableName      regclass    NOT NULL,
    templateId     text        NOT NULL,
    plan           jsonb       NOT NULL,
    columnLabels   smallint[]  NOT NULL,
    columnNames    text[]      NOT NULL,
    columnNumbers  smallint[]  NOT NULL,
    columnSeen     text[]      NOT NULL,
    madeFor        text        NOT NULL,
    query          text        NOT NULL,
    createTime     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subMsgRule_tableName ON subMsgRule (tableName);

COMMENT ON TABLE  subMsgRule IS 'Which changes of which tables insert which messages: made by submsg_watch(), shown by submsg_rules()';
COMMENT ON COLUMN subMsgRule.tableName     IS 'The table; its triggers ~submsg… call subMsgRule_fire()';
COMMENT ON COLUMN subMsgRule.templateId    IS 'The message''s template';
COMMENT ON COLUMN subMsgRule.plan          IS 'The rule; a number in it is a column, by its label';
COMMENT ON COLUMN subMsgRule.columnLabels  IS 'The columns that the plan uses, as the plan calls them';
COMMENT ON COLUMN subMsgRule.columnNames   IS 'Their names, when last looked at: the truth in a restored database';
COMMENT ON COLUMN subMsgRule.columnNumbers IS 'Their numbers in madeFor, which renames don''t change: the truth in the same database';
COMMENT ON COLUMN subMsgRule.columnSeen    IS 'Their rows of the catalogue when the query was made; others now: it is made again';
COMMENT ON COLUMN subMsgRule.madeFor       IS 'Cluster, database and table that columnNumbers are of';
COMMENT ON COLUMN subMsgRule.query         IS 'What reads the message from a row ($1, before the update $2); made from plan and catalogue';

ALTER TABLE subMsgRuleError ADD rowKey jsonb;
CREATE UNIQUE INDEX subMsgRuleError_row ON subMsgRuleError (ruleId, rowKey);
COMMENT ON COLUMN subMsgRuleError.rowKey  IS 'Which row: its primary key, or unique columns; null if it has none';
COMMENT ON COLUMN subMsgRuleError.rowData IS 'What the rule uses of the row that the update wrote, each value as text';

-- Which waiting message a row with a hold rule has. Rows past their due time are of no use, and go with later messages.
CREATE TABLE subMsgHeld (
    ruleId    bigint      NOT NULL,
    rowKey    jsonb       NOT NULL,
    messageId bigint      NOT NULL,
    due       timestamptz NOT NULL,
    PRIMARY KEY (ruleId, rowKey)
);
CREATE INDEX subMsgHeld_due ON subMsgHeld (due);
COMMENT ON TABLE subMsgHeld IS 'Messages within the hold window of their rule; kept by subMsgRule_fire()';

-- Below, everything is as in 000005: functions see pg_catalog only, and name our own objects by schema. Those that define
-- rules run with the rights of who defines (INVOKER): triggers are made by, and columns read-checked for, exactly that person, and
-- nobody has to be told apart. Only subMsgRule_fire() runs with its owner's rights, for whoever may update the business table.
DO $do$ BEGIN EXECUTE pg_catalog.replace(pg_catalog.replace($sql$

CREATE FUNCTION subMsgRule_column(target regclass, given text) RETURNS smallint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found smallint;
BEGIN
    SELECT attnum INTO found FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname IN (given::name, lower(given)::name) ORDER BY attname <> given::name LIMIT 1;
    IF found IS NULL THEN
        RAISE EXCEPTION '% has no column %', target, quote_ident(given) USING ERRCODE = 'undefined_column', HINT = 'Its columns are: ' || left((
            SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped), 1000);
    ELSIF NOT has_column_privilege(target, found, 'SELECT') THEN
        RAISE EXCEPTION '% may not read column % of %', current_user, quote_ident(given), target USING ERRCODE = 'insufficient_privilege',
            HINT = format('A rule shows what it reads to all who may read messages. Let the table''s owner GRANT SELECT (%I) ON %s TO %I, or define the rule.', given, target, current_user);
    END IF;
    RETURN found;
END $$;

-- 'refund {id}' is ["refund ", 1].
CREATE FUNCTION subMsgRule_text(target regclass, given text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    piece text[];
    parts jsonb := CASE WHEN given IS NOT NULL THEN '[]' END::jsonb;
BEGIN
    FOR piece IN SELECT regexp_matches(given, '(\{\{|\}\}|[^{}]+)|\{([^{}]+)\}|([{}])', 'g') LOOP
        IF piece[3] IS NOT NULL THEN
            RAISE EXCEPTION '% has a % that is not part of a {column}', quote_literal(given), piece[3] USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Write {{ and }} for braces.';
        END IF;
        parts := parts || CASE WHEN piece[2] IS NOT NULL THEN to_jsonb(SCHEMA_.subMsgRule_column(target, piece[2]))
            ELSE to_jsonb(CASE piece[1] WHEN '{{' THEN '{' WHEN '}}' THEN '}' ELSE piece[1] END) END;
    END LOOP;
    RETURN parts;
END $$;

-- One parameter: goods, =text, or {"column": …}.
CREATE FUNCTION subMsgRule_param(target regclass, given text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    param jsonb;
    wrong text;
    type text;
BEGIN
    IF given IS NULL THEN
        RAISE EXCEPTION 'a parameter is NULL' USING ERRCODE = 'invalid_parameter_value', HINT = 'An empty one is written =';
    ELSIF given LIKE '=%' THEN
        RETURN jsonb_build_object('text', SCHEMA_.subMsgRule_text(target, substr(given, 2)));
    ELSIF given NOT LIKE '{%' THEN
        RETURN jsonb_build_object('column', SCHEMA_.subMsgRule_column(target, given));
    END IF;
    BEGIN
        param := given;
    EXCEPTION WHEN invalid_text_representation THEN
        RAISE EXCEPTION 'the parameter % is no JSON', quote_literal(given) USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Write {"column":"state","map":{"paid":"已付款"}} or {"column":"amount","format":"FM999990.00"}.';
    END;
    SELECT key INTO wrong FROM jsonb_each(param) AS p (key, value) WHERE key NOT IN ('column', 'map', 'else', 'format', 'zone', 'null')
        OR jsonb_typeof(value) <> CASE key WHEN 'map' THEN 'object' ELSE 'string' END
        OR key = 'map' AND EXISTS (SELECT FROM jsonb_each(CASE WHEN jsonb_typeof(value) = 'object' THEN value ELSE '{}' END) AS m (k, v) WHERE jsonb_typeof(v) <> 'string') LIMIT 1;
    IF FOUND OR NOT param ? 'column' OR param ? 'map' AND param ? 'format' OR param ? 'else' AND NOT param ? 'map' OR param ? 'zone' AND NOT param ? 'format' THEN
        RAISE EXCEPTION 'the parameter % has %', given, coalesce('a wrong ' || quote_ident(wrong), CASE WHEN param ? 'column' THEN 'members that don''t go together' ELSE 'no "column"' END)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is {"column": "…"} with "map": {"value": "word"} (and "else": "word"), or with "format": "…" (and "zone": "…"), and "null": "word"; all texts.';
    END IF;
    param := param || jsonb_build_object('column', SCHEMA_.subMsgRule_column(target, param->>'column'));
    IF param ? 'format' THEN
        SELECT format_type(atttypid, NULL) INTO type FROM pg_attribute WHERE attrelid = target AND attnum = (param->>'column')::smallint;
        IF type NOT IN ('smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'date', 'timestamp without time zone', 'timestamp with time zone', 'interval') THEN
            RAISE EXCEPTION 'the parameter % formats a %', given, type USING ERRCODE = 'datatype_mismatch', HINT = 'Numbers, dates, timestamps and intervals have formats.';
        ELSIF type = 'timestamp with time zone' THEN
            param := jsonb_build_object('zone', current_setting('TimeZone')) || param; -- not that of whoever updates
            PERFORM now() AT TIME ZONE (param->>'zone');
        END IF;
    END IF;
    RETURN param;
END $$;

-- A time: '+2 hours', 'pickup_at', 'pickup_at - 1 hour'.
CREATE FUNCTION subMsgRule_time(target regclass, given text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    piece text[] := regexp_match(given, '^(?:(.+)\s)?([+-])\s*(\d.*)$');
    found smallint;
    type  regtype;
BEGIN
    IF given IS NULL THEN
        RETURN NULL;
    ELSIF piece IS NULL OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = given::name AND NOT attisdropped) THEN
        piece := ARRAY[given, '+', '0'];
    END IF;
    BEGIN
        PERFORM (piece[2] || piece[3])::interval;
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION '% is no interval in %', quote_literal(piece[3]), quote_literal(given) USING ERRCODE = 'invalid_parameter_value', HINT = 'Write +2 hours, pickup_at, or pickup_at - 1 hour.';
    END;
    IF piece[1] IS NULL THEN
        RETURN jsonb_build_object('add', piece[2] || piece[3]);
    END IF;
    found := SCHEMA_.subMsgRule_column(target, btrim(piece[1]));
    SELECT atttypid INTO type FROM pg_attribute WHERE attrelid = target AND attnum = found;
    IF type NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
        RAISE EXCEPTION 'column % is of type %, not a time', quote_ident(btrim(piece[1])), type USING ERRCODE = 'datatype_mismatch';
    END IF;
    RETURN jsonb_build_object('column', found, 'add', piece[2] || piece[3]) || CASE type WHEN 'timestamptz'::regtype THEN '{}' ELSE jsonb_build_object('zone', current_setting('TimeZone')) END;
END $$;

-- Why a table can't have rules; NULL: it can.
CREATE FUNCTION subMsgRule_refusal(target regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) OR c.relnamespace = pg_my_temp_schema() OR c.relpersistence = 't'
            THEN 'it is a ' || CASE c.relpersistence WHEN 't' THEN 'temporary table, and the rule would outlive it' ELSE 'table of the system' END
        WHEN c.relname LIKE 'submsg%' AND c.relnamespace = NAMESPACE_::regnamespace THEN 'it is one of submsg''s own'
        WHEN c.relkind IN ('v', 'm') THEN 'it is a view, and has no rows of its own: name the table that it shows'
        WHEN c.relkind = 'f' THEN 'it is a foreign table: its rows change where this database doesn''t see it'
        WHEN c.relkind NOT IN ('r', 'p') THEN 'it is no table'
        WHEN c.relispartition THEN 'it is a partition: name the whole, ' || pg_partition_root(target)::text
        WHEN NOT has_table_privilege(target, 'TRIGGER') THEN format('%s may not make triggers on it: GRANT TRIGGER ON %s TO %I', current_user, target, current_user)
        WHEN row_security_active(target) THEN format('its rows are hidden from %s by row security, and a rule would read all of them', current_user)
    END FROM pg_class c WHERE c.oid = target
$$;

-- Columns that tell a row from all others: the primary key, or else a unique index of columns that can't be null.
CREATE FUNCTION subMsgRule_key(target regclass) RETURNS smallint[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.columns FROM pg_index i, LATERAL (SELECT ARRAY(SELECT n FROM unnest(i.indkey) WITH ORDINALITY AS u (n, at) WHERE at <= i.indnkeyatts ORDER BY at)) AS k (columns)
    WHERE i.indrelid = target AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k.columns) AND NOT attnotnull)
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1
$$;

-- The rule as written ("openid": "buyer", …) with its columns as numbers.
CREATE FUNCTION subMsgRule_plan(target regclass, args jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plan jsonb := args - '{openid,params,flag,whenColumn,filter,hold,sendAfter,expireTime,dedupKey,page}'::text[];
    why  text := SCHEMA_.subMsgRule_refusal(target);
    f    record;
BEGIN
    IF why IS NOT NULL THEN
        RAISE EXCEPTION '% can''t have rules: %', target, why USING ERRCODE = CASE WHEN why LIKE '% may not %' OR why LIKE '%row security%' THEN 'insufficient_privilege' ELSE 'wrong_object_type' END;
    ELSIF NOT args ?| '{flag,whenColumn}' THEN
        RAISE EXCEPTION 'the rule doesn''t say when it fires' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give flag => a boolean column, or whenColumn => a column and whenValues => what it changes to.';
    ELSIF args ? 'whenValues' AND NOT args ? 'whenColumn' THEN
        RAISE EXCEPTION 'whenValues are given without a whenColumn' USING ERRCODE = 'invalid_parameter_value';
    ELSIF args ? 'whenColumn' AND args ? 'flag' AND NOT args ? 'whenValues' THEN
        RAISE EXCEPTION 'with a flag, a whenColumn needs its whenValues' USING ERRCODE = 'invalid_parameter_value', HINT = 'The flag fires while the column has one of them.';
    END IF;
    plan := plan || jsonb_build_object('openid', SCHEMA_.subMsgRule_column(target, args->>'openid'),
        'params', (SELECT coalesce(jsonb_agg(SCHEMA_.subMsgRule_param(target, p) ORDER BY n), '[]') FROM jsonb_array_elements_text(args->'params') WITH ORDINALITY AS e (p, n)));
    IF args ? 'flag' THEN
        plan := plan || jsonb_build_object('flag', SCHEMA_.subMsgRule_column(target, args->>'flag'));
        IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = (plan->>'flag')::smallint AND atttypid = 'boolean'::regtype AND attgenerated = '') THEN
            RAISE EXCEPTION 'the flag % of % is no plain boolean column', quote_ident(args->>'flag'), target USING ERRCODE = 'datatype_mismatch',
                HINT = coalesce('These are: ' || (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND atttypid = 'boolean'::regtype AND attgenerated = '' AND NOT attisdropped),
                    format('Add one: ALTER TABLE %s ADD notify boolean NOT NULL DEFAULT false', target));
        END IF;
    END IF;
    IF args ? 'whenColumn' THEN
        plan := plan || jsonb_build_object('whenColumn', SCHEMA_.subMsgRule_column(target, args->>'whenColumn'));
    END IF;
    IF args ? 'filter' THEN
        IF jsonb_typeof(args->'filter') <> 'object' THEN
            RAISE EXCEPTION 'the filter % is no JSON object', args->'filter' USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {"kind": "food", "city": ["sz", "gz"]}.';
        END IF;
        plan := plan || '{"filter": []}';
        FOR f IN SELECT key, CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END AS value FROM jsonb_each(args->'filter') ORDER BY key LOOP
            IF EXISTS (SELECT FROM jsonb_array_elements(f.value) AS v WHERE jsonb_typeof(v) IN ('object', 'array', 'null')) THEN
                RAISE EXCEPTION 'the filter on % must be one text or a list of them', quote_ident(f.key) USING ERRCODE = 'invalid_parameter_value';
            END IF;
            plan := jsonb_insert(plan, '{filter,-1}', jsonb_build_object('column', SCHEMA_.subMsgRule_column(target, f.key),
                'values', (SELECT jsonb_agg(v) FROM jsonb_array_elements_text(f.value) AS v)), true);
        END LOOP;
    END IF;
    IF args ? 'hold' AND (args->>'hold')::interval <= '0' THEN
        RAISE EXCEPTION 'hold must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
    ELSIF (args ? 'hold' OR args ? 'flag' AND args ? 'onInsert') AND SCHEMA_.subMsgRule_key(target) IS NULL THEN
        RAISE EXCEPTION '% has no primary key, and no unique index of columns that can''t be null: its rows can''t be told apart, as % needs it', target, CASE WHEN args ? 'hold' THEN 'hold' ELSE 'a flag on INSERT' END
            USING ERRCODE = 'invalid_parameter_value', HINT = format('Give it one: ALTER TABLE %s ADD PRIMARY KEY (…)', target);
    END IF;
    plan := plan || jsonb_strip_nulls(jsonb_build_object('hold', extract(epoch FROM (args->>'hold')::interval)::text,
        'sendAfter', SCHEMA_.subMsgRule_time(target, args->>'sendAfter'), 'expireTime', SCHEMA_.subMsgRule_time(target, args->>'expireTime'),
        'dedupKey', SCHEMA_.subMsgRule_text(target, args->>'dedupKey'), 'page', SCHEMA_.subMsgRule_text(target, args->>'page')));
    RETURN plan;
END $$;

-- A column's value in a row, $1 or $2. One that is generated isn't computed yet where a BEFORE trigger looks, so its expression is evaluated.
CREATE FUNCTION subMsgRule_value(target regclass, number smallint, row_ text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    SELECT attname, attgenerated, d.oid AS expression, adbin, relkind INTO STRICT c
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = target AND attnum = number AND NOT attisdropped;
    IF c.attgenerated = '' THEN
        RETURN format('(%s).%I', row_, c.attname);
    ELSIF c.relkind = 'p' THEN
        RAISE EXCEPTION 'column % of % is generated, and each partition may generate it differently', quote_ident(c.attname), target
            USING ERRCODE = 'feature_not_supported', HINT = 'Use the columns that it is generated from.';
    ELSIF EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_attrdef'::regclass AND objid = c.expression AND deptype = 'n' AND NOT (refclassid = 'pg_class'::regclass AND refobjid = target)) THEN
        RAISE EXCEPTION 'column % of % is generated by code of others, which a rule doesn''t run', quote_ident(c.attname), target
            USING ERRCODE = 'feature_not_supported', HINT = 'Use the columns that it is generated from.';
    END IF;
    RETURN format('(SELECT %s FROM (SELECT (%s).*) AS r)', pg_get_expr(c.adbin, target), row_);
END $$;

-- The same as text, NULL for NULL. Types that aren't built in are read by their output function: a cast may be foreign code.
CREATE FUNCTION subMsgRule_astext(target regclass, number smallint, row_ text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(CASE typnamespace WHEN 'pg_catalog'::regnamespace THEN '%1$s::text' ELSE '(CASE num_nulls(%1$s) WHEN 0 THEN concat(%1$s) END)' END,
        SCHEMA_.subMsgRule_value(target, number, row_))
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = target AND attnum = number
$$;

-- texts is {"1": "($1).id::text"}: what each column of the plan is in SQL.
CREATE FUNCTION subMsgRule_param_sql(param jsonb, texts jsonb, format_value text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN param ? 'text' THEN coalesce((SELECT 'concat(' || string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN texts->>(p #>> '{}') ELSE quote_literal(p #>> '{}') END, ', ' ORDER BY n) || ')'
            FROM jsonb_array_elements(param->'text') WITH ORDINALITY AS e (p, n)), quote_literal(''))
        WHEN param ? 'map' THEN format('CASE WHEN %1$s IS NULL THEN %2$L ELSE CASE %1$s %3$s ELSE %4$L END END', texts->>(param->>'column'), coalesce(param->>'null', ''),
            coalesce((SELECT string_agg(format('WHEN %L THEN %L', key, value), ' ') FROM jsonb_each_text(param->'map')), 'WHEN NULL THEN NULL'), param->>'else')
        WHEN param ? 'format' THEN format('coalesce(to_char(%s%s, %L), %L)', format_value, ' AT TIME ZONE ' || quote_literal(param->>'zone'), param->>'format', coalesce(param->>'null', ''))
        ELSE format('coalesce(%s, %L)', texts->>(param->>'column'), coalesce(param->>'null', ''))
    END
$$;

CREATE FUNCTION subMsgRule_time_sql(at jsonb, value text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN at IS NULL THEN 'NULL::timestamptz'
        ELSE format('%s + %L::interval', CASE WHEN NOT at ? 'column' THEN 'now()' WHEN at ? 'zone' THEN format('(%s)::timestamp AT TIME ZONE %L', value, at->>'zone') ELSE value END, at->>'add') END
$$;

-- jsonb of the columns of a row, as text.
CREATE FUNCTION subMsgRule_object_sql(target regclass, numbers smallint[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('jsonb_object(ARRAY[%s]::text[], ARRAY[%s]::text[])', string_agg(quote_literal(attname), ', ' ORDER BY attnum), string_agg(SCHEMA_.subMsgRule_astext(target, attnum, '$1'), ', ' ORDER BY attnum))
    FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) AND NOT attisdropped
$$;

-- The statement that reads a message from a row $1, which was $2: names quoted from the catalogue, all else as literals.
CREATE FUNCTION subMsgRule_sql(rule SCHEMA_.subMsgRule) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plan   jsonb := rule.plan;
    vals   jsonb := '{}';
    texts  jsonb := '{}';
    c      record;
    params text;
    fits   text;
    key    smallint[] := SCHEMA_.subMsgRule_key(rule.tableName);
BEGIN
    SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type INTO c -- what isn't built in could bring casts along that are foreign code
    FROM unnest(rule.columnLabels, rule.columnNumbers) AS u (label, number)
        JOIN pg_attribute ON attrelid = rule.tableName AND attnum = number JOIN pg_type ON pg_type.oid = atttypid
    WHERE label::text IN (SELECT p->>'column' FROM jsonb_array_elements(plan->'params') AS p WHERE p ? 'format'
            UNION SELECT plan#>>'{sendAfter,column}' UNION SELECT plan#>>'{expireTime,column}')
        AND NOT (typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typcategory IN ('N', 'D', 'T'));
    IF FOUND THEN
        RAISE EXCEPTION 'column % is of type % now, which has no format and is no time', c.name, c.type USING ERRCODE = 'datatype_mismatch';
    ELSIF plan ? 'hold' AND key <@ rule.columnNumbers IS NOT TRUE THEN
        RAISE EXCEPTION 'the key of the table is another now, or gone: define the rule again' USING ERRCODE = 'invalid_table_definition';
    END IF;
    FOR c IN SELECT label::text, number FROM unnest(rule.columnLabels, rule.columnNumbers) AS u (label, number) LOOP
        vals := vals || jsonb_build_object(c.label, SCHEMA_.subMsgRule_value(rule.tableName, c.number, '$1'));
        texts := texts || jsonb_build_object(c.label, SCHEMA_.subMsgRule_astext(rule.tableName, c.number, '$1'));
    END LOOP;
    SELECT string_agg(SCHEMA_.subMsgRule_param_sql(p, texts, vals->>(p->>'column')), ', ' ORDER BY n) INTO params
    FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n);
    SELECT string_agg(format('coalesce(%s = ANY (%L::text[]), false)', texts->>(f->>'column'), ARRAY(SELECT jsonb_array_elements_text(f->'values'))), ' AND ') INTO fits
    FROM jsonb_array_elements(coalesce(plan->'filter', '[]')
        || CASE WHEN plan ? 'whenValues' THEN jsonb_build_array(jsonb_build_object('column', plan->'whenColumn', 'values', plan->'whenValues')) ELSE '[]' END) AS f;
    RETURN format('SELECT %s AS fits, %s AS changed, %s AS flagged, %s AS openid, ARRAY[%s]::text[] AS params, %s AS sendAfter, %s AS expireTime, %s AS dedupKey, %s AS page, %s AS rowKey',
        coalesce(fits, 'true'),
        CASE WHEN plan ? 'flag' THEN 'true' ELSE format('%s IS DISTINCT FROM %s', texts->>(plan->>'whenColumn'),
            SCHEMA_.subMsgRule_astext(rule.tableName, rule.columnNumbers[array_position(rule.columnLabels, (plan->>'whenColumn')::smallint)], '$2')) END,
        CASE WHEN plan ? 'flag' THEN vals->>(plan->>'flag') || ' IS TRUE' ELSE 'true' END,
        texts->>(plan->>'openid'), params,
        SCHEMA_.subMsgRule_time_sql(plan->'sendAfter', vals->>(plan#>>'{sendAfter,column}')), SCHEMA_.subMsgRule_time_sql(plan->'expireTime', vals->>(plan#>>'{expireTime,column}')),
        coalesce((SELECT string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN texts->>(p #>> '{}') ELSE quote_literal(p #>> '{}') END, ' || ' ORDER BY n) -- NULL if one is
            FROM jsonb_array_elements(plan->'dedupKey') WITH ORDINALITY AS e (p, n)), 'NULL::text'),
        coalesce((SELECT 'concat(' || string_agg(CASE jsonb_typeof(p) WHEN 'number' -- escaped as the templates' page is
                THEN format('CASE WHEN %1$s ~ ''[^A-Za-z0-9_.~-]'' THEN regexp_replace(upper(encode(convert_to(%1$s, ''UTF8''), ''hex'')), ''(..)'', ''%%\1'', ''g'') ELSE %1$s END', texts->>(p #>> '{}'))
                ELSE quote_literal(p #>> '{}') END, ', ' ORDER BY n) || ')' FROM jsonb_array_elements(plan->'page') WITH ORDINALITY AS e (p, n)), 'NULL::text'),
        CASE WHEN plan ? 'hold' THEN SCHEMA_.subMsgRule_object_sql(rule.tableName, key) ELSE 'NULL::jsonb' END);
END $$;

-- Where column numbers are of: a restored table's may differ. (Some hosts keep the cluster's number to themselves.)
CREATE FUNCTION subMsgRule_place(target oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cluster bigint;
BEGIN
    IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO cluster FROM pg_control_system();
    END IF;
    RETURN concat_ws('/', coalesce(cluster, 0), (SELECT oid FROM pg_database WHERE datname = current_database()), target);
END $$;

CREATE FUNCTION subMsgRule_seen(target oid, numbers smallint[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT concat(attname, ' ', xmin) FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) ORDER BY attnum)
$$;

-- The rule as its table is now: renames followed, the query made anew. An error if a column is gone.
CREATE FUNCTION subMsgRule_now(rule SCHEMA_.subMsgRule) RETURNS SCHEMA_.subMsgRule
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text := SCHEMA_.subMsgRule_place(rule.tableName);
    c     record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = rule.tableName) THEN
        RAISE EXCEPTION 'the table is gone' USING ERRCODE = 'undefined_table';
    END IF;
    FOR c IN SELECT i, attname, attnum, atttypid, rule.columnLabels[i] = (rule.plan->>'flag')::smallint AS flag
        FROM generate_subscripts(rule.columnLabels, 1) AS i
        LEFT JOIN pg_attribute ON attrelid = rule.tableName AND attnum > 0 AND NOT attisdropped
            AND CASE rule.madeFor WHEN place THEN attnum = rule.columnNumbers[i] ELSE attname = rule.columnNames[i] END LOOP
        IF c.attnum IS NULL THEN
            RAISE EXCEPTION 'the table has no column % any more', quote_ident(rule.columnNames[c.i]) USING ERRCODE = 'undefined_column';
        ELSIF c.flag AND c.atttypid <> 'boolean'::regtype THEN
            RAISE EXCEPTION 'the flag % is no plain boolean column any more', quote_ident(c.attname) USING ERRCODE = 'datatype_mismatch';
        END IF;
        rule.columnNames[c.i] := c.attname;
        rule.columnNumbers[c.i] := c.attnum;
    END LOOP;
    rule.madeFor := place;
    rule.columnSeen := SCHEMA_.subMsgRule_seen(rule.tableName, rule.columnNumbers);
    rule.query := SCHEMA_.subMsgRule_sql(rule);
    RETURN rule;
END $$;

-- A rule that is written, by whomever and however, is checked with the rights of who writes it.
CREATE FUNCTION subMsgRule_check() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given integer;
    known text[];
BEGIN
    IF num_nulls(NEW.name, NEW.tableName, NEW.templateId, NEW.plan) > 0 THEN
        RAISE EXCEPTION 'a rule needs a name, a table, a template and a plan: submsg_watch() makes one' USING ERRCODE = 'not_null_violation';
    END IF;
    given := jsonb_array_length(NEW.plan->'params');
    NEW.plan := SCHEMA_.subMsgRule_plan(NEW.tableName, NEW.plan);
    SELECT params INTO known FROM SCHEMA_.subMsgTemplate t WHERE NEW.templateId IN (t.templateId, t.name);
    IF FOUND AND cardinality(known) <> given THEN
        RAISE EXCEPTION 'template % has % parameters, and the rule gives %', quote_ident(NEW.templateId), cardinality(known), given USING ERRCODE = 'invalid_parameter_value',
            HINT = 'They are: ' || array_to_string(known, ', ');
    ELSIF NOT FOUND AND EXISTS (SELECT FROM SCHEMA_.subMsgTemplate) THEN
        RAISE EXCEPTION 'there is no template %', quote_ident(NEW.templateId) USING ERRCODE = 'undefined_object',
            HINT = 'The templates are: ' || (SELECT string_agg(format('%s (%s)', t.name, t.templateId), ', ' ORDER BY t.name) FROM SCHEMA_.subMsgTemplate t);
    ELSIF NOT FOUND THEN
        RAISE WARNING 'submsg: template % and its number of parameters are not checked: submsg serve has published no templates yet', quote_ident(NEW.templateId);
    END IF;
    NEW.columnLabels := ARRAY(SELECT n::text::smallint FROM jsonb_path_query(NEW.plan, '$.**') AS n WHERE jsonb_typeof(n) = 'number'
        UNION SELECT SCHEMA_.subMsgRule_column(NEW.tableName, attname) FROM pg_attribute -- failures show the key
            WHERE attrelid = NEW.tableName AND attnum = ANY (SCHEMA_.subMsgRule_key(NEW.tableName)) ORDER BY 1);
    NEW.columnNumbers := NEW.columnLabels;
    NEW.columnNames := NEW.columnLabels; -- until looked up
    NEW.madeFor := SCHEMA_.subMsgRule_place(NEW.tableName);
    NEW := SCHEMA_.subMsgRule_now(NEW);
    RETURN NEW;
END $$;

CREATE TRIGGER subMsgRule_insert BEFORE INSERT ON SCHEMA_.subMsgRule FOR EACH ROW EXECUTE FUNCTION SCHEMA_.subMsgRule_check();
CREATE TRIGGER subMsgRule_update BEFORE UPDATE ON SCHEMA_.subMsgRule FOR EACH ROW
WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.tableName IS DISTINCT FROM NEW.tableName OR OLD.templateId IS DISTINCT FROM NEW.templateId OR OLD.plan IS DISTINCT FROM NEW.plan)
EXECUTE FUNCTION SCHEMA_.subMsgRule_check();

-- "This column changes" in a WHEN clause, which must not fail, nor need an operator that pg_catalog hasn't.
CREATE FUNCTION subMsgRule_changes(target regclass, numbers smallint[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH used AS (
        SELECT attnum FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) AND attgenerated = ''
        UNION
        SELECT refobjsubid FROM pg_attrdef d JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attgenerated <> ''
            JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = d.oid AND refclassid = 'pg_class'::regclass AND refobjid = target AND refobjsubid > 0
        WHERE adrelid = target AND adnum = ANY (numbers) AND refobjsubid <> adnum
    )
    SELECT string_agg(format(CASE WHEN typtype = 'e' OR atttypid = 'varchar'::regtype OR EXISTS (SELECT FROM pg_opclass WHERE opcintype = atttypid AND opcdefault AND opcmethod = 403 AND opcnamespace = 'pg_catalog'::regnamespace)
        THEN 'OLD.%1$I IS DISTINCT FROM NEW.%1$I'
        ELSE 'num_nulls(OLD.%1$I) <> num_nulls(NEW.%1$I) OR concat(OLD.%1$I) <> concat(NEW.%1$I)' END, attname), ' OR ' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = target AND attnum IN (SELECT attnum FROM used)
$$;

-- The rule's state in a WHEN clause of NEW or OLD: its whenColumn and filter. Generated columns are left to the function.
CREATE FUNCTION subMsgRule_fits(rule SCHEMA_.subMsgRule, version text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(format(CASE typnamespace WHEN 'pg_catalog'::regnamespace THEN '%s.%I::text = ANY (%L::text[])' ELSE 'concat(%s.%I) = ANY (%L::text[])' END,
        version, attname, ARRAY(SELECT jsonb_array_elements_text(w->'values'))), ' AND '), 'true')
    FROM jsonb_array_elements(coalesce(rule.plan->'filter', '[]')
            || CASE WHEN rule.plan ? 'whenValues' THEN jsonb_build_array(jsonb_build_object('column', rule.plan->'whenColumn', 'values', rule.plan->'whenValues')) ELSE '[]' END) AS w
        JOIN pg_attribute ON attrelid = rule.tableName AND attnum = rule.columnNumbers[array_position(rule.columnLabels, (w->>'column')::smallint)] AND attgenerated = ''
        JOIN pg_type ON pg_type.oid = atttypid
$$;

CREATE FUNCTION subMsgRule_any(conditions text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(DISTINCT '(' || c || ')', ' OR ') FROM unnest(conditions) AS c
$$;

-- One trigger of a table as the rules need it, or away with it (who doesn't own the table can only make it idle).
CREATE FUNCTION subMsgRule_trigger(target regclass, trigger_ text, event text, level text, condition text, function text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    present oid;
BEGIN
    SELECT tgfoid INTO present FROM pg_trigger WHERE tgrelid = target AND tgname = trigger_;
    IF present <> ALL (ARRAY[(NAMESPACE_ || '.subMsgRule_fire()')::regprocedure, (NAMESPACE_ || '.subMsgRule_touch()')::regprocedure]) THEN
        RAISE EXCEPTION '% has a trigger % that isn''t submsg''s', target, quote_ident(trigger_) USING ERRCODE = 'duplicate_object', HINT = 'Rename it.';
    ELSIF condition IS NULL AND present IS NULL THEN
        RETURN;
    ELSIF condition IS NULL AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = target) THEN
        EXECUTE format('DROP TRIGGER %I ON %s', trigger_, target);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON %s %s WHEN (%s) EXECUTE FUNCTION %s.%s()', trigger_, event, target, level, coalesce(condition, 'false'), NAMESPACE_, function);
    END IF;
END $$;

-- ~ sorts after all letters: the message says what is stored, after the table's own BEFORE triggers. Rows that move between
-- partitions are no inserts nor deletes for triggers by statement, so partitioned tables have those.
CREATE FUNCTION subMsgRule_arm(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule    SCHEMA_.subMsgRule;
    whole   boolean;
    flag    text;
    watched smallint[];
    updates text[] := '{}';
    touches text[] := '{}';
    inserts text[] := '{}';
    deletes text[] := '{}';
BEGIN
    SELECT relkind = 'p' INTO whole FROM pg_class WHERE oid = target;
    IF NOT FOUND THEN
        RETURN;
    ELSIF NOT has_table_privilege(target, 'TRIGGER') THEN
        RAISE WARNING 'submsg: % may not change the triggers of %; they stay, and do nothing without a rule', current_user, target;
        RETURN;
    END IF;
    FOR rule IN SELECT * FROM SCHEMA_.subMsgRule WHERE tableName = target ORDER BY id LOOP
        BEGIN
            rule := SCHEMA_.subMsgRule_now(rule);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % of % is broken: %', quote_ident(rule.name), target, SQLERRM;
            CONTINUE;
        END;
        flag := (SELECT quote_ident(rule.columnNames[array_position(rule.columnLabels, (rule.plan->>'flag')::smallint)]));
        watched := ARRAY(SELECT rule.columnNumbers[array_position(rule.columnLabels, label::smallint)] FROM (
            SELECT rule.plan->>'whenColumn' WHERE NOT rule.plan ? 'flag' OR rule.plan ? 'hold'
            UNION SELECT f->>'column' FROM jsonb_array_elements(rule.plan->'filter') AS f WHERE rule.plan ? 'hold') AS w (label) WHERE label IS NOT NULL);
        updates := updates || ('NEW.' || flag || ' IS TRUE') || SCHEMA_.subMsgRule_changes(target, watched);
        IF rule.plan ? 'onInsert' THEN
            touches := touches || ('NEW.' || flag || ' IS TRUE');
            inserts := inserts || CASE WHEN flag IS NULL THEN CASE WHEN whole THEN 'true' ELSE SCHEMA_.subMsgRule_fits(rule, 'NEW') END END;
        END IF;
        IF rule.plan ? 'hold' THEN
            deletes := deletes || CASE WHEN whole THEN 'true' ELSE SCHEMA_.subMsgRule_fits(rule, 'OLD') END;
        END IF;
    END LOOP;
    PERFORM SCHEMA_.subMsgRule_trigger(target, '~submsg', 'BEFORE UPDATE', 'FOR EACH ROW', SCHEMA_.subMsgRule_any(updates), 'subMsgRule_fire');
    PERFORM SCHEMA_.subMsgRule_trigger(target, '~submsg_touch', 'AFTER INSERT', 'FOR EACH ROW', SCHEMA_.subMsgRule_any(touches), 'subMsgRule_touch');
    PERFORM SCHEMA_.subMsgRule_trigger(target, '~submsg_insert', 'AFTER INSERT', CASE WHEN whole THEN 'REFERENCING NEW TABLE AS submsg_rows FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END, SCHEMA_.subMsgRule_any(inserts), 'subMsgRule_fire');
    PERFORM SCHEMA_.subMsgRule_trigger(target, '~submsg_delete', 'AFTER DELETE', CASE WHEN whole THEN 'REFERENCING OLD TABLE AS submsg_rows FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END, SCHEMA_.subMsgRule_any(deletes), 'subMsgRule_fire');
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgtype & 19 = 19 AND tgname > '~submsg' AND tgname NOT LIKE '~submsg%') THEN
        RAISE WARNING 'submsg: % of % runs after submsg: what it changes, or calls off, is not in the messages', (
            SELECT string_agg('trigger ' || quote_ident(tgname), ', ') FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgtype & 19 = 19 AND tgname > '~submsg' AND tgname NOT LIKE '~submsg%'), target;
    END IF;
END $$;

CREATE FUNCTION subMsgRule_armed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM SCHEMA_.subMsgRule_arm(OLD.tableName);
    END IF;
    IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND NEW.tableName <> OLD.tableName THEN
        PERFORM SCHEMA_.subMsgRule_arm(NEW.tableName);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER subMsgRule_armed AFTER INSERT OR DELETE ON SCHEMA_.subMsgRule FOR EACH ROW EXECUTE FUNCTION SCHEMA_.subMsgRule_armed();
CREATE TRIGGER subMsgRule_rearmed AFTER UPDATE ON SCHEMA_.subMsgRule FOR EACH ROW
WHEN (OLD.tableName IS DISTINCT FROM NEW.tableName OR OLD.plan IS DISTINCT FROM NEW.plan) EXECUTE FUNCTION SCHEMA_.subMsgRule_armed();

CREATE FUNCTION submsg_watch(
    tableName  regclass,
    template   text,
    openid     text,
    params     text[]   DEFAULT '{}',
    flag       text     DEFAULT NULL,
    whenColumn text     DEFAULT NULL,
    whenValues text[]   DEFAULT NULL,
    filter     jsonb    DEFAULT NULL,
    onInsert   boolean  DEFAULT false,
    hold       interval DEFAULT NULL,
    sendAfter  text     DEFAULT NULL,
    expireTime text     DEFAULT NULL,
    dedupKey   text     DEFAULT NULL,
    page       text     DEFAULT NULL,
    name       text     DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target   regclass := tableName;
    called   text := name;
    args     jsonb;
    present  record;
    patience text := current_setting('lock_timeout');
BEGIN
    IF num_nulls(target, template, openid, params) > 0 THEN
        RAISE EXCEPTION 'a rule needs a table, a template, the column of the openid and parameters; one of them is NULL' USING ERRCODE = 'null_value_not_allowed';
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'rules are defined in READ COMMITTED transactions: others might not see each other''s' USING ERRCODE = 'feature_not_supported';
    END IF;
    SELECT jsonb_object_agg(a.key, a.value) INTO args FROM jsonb_each(jsonb_build_object('openid', openid, 'params', params, 'flag', flag,
        'whenColumn', whenColumn, 'whenValues', whenValues, 'filter', filter, 'onInsert', nullif(onInsert, false), 'hold', hold,
        'sendAfter', sendAfter, 'expireTime', expireTime, 'dedupKey', dedupKey, 'page', page)) AS a WHERE a.value <> 'null';

    IF patience = '0' THEN -- whoever waits for a table in use holds up its next users
        PERFORM set_config('lock_timeout', '5s', true);
    END IF;
    LOCK TABLE SCHEMA_.subMsgRule IN SHARE ROW EXCLUSIVE MODE; -- the triggers are made of all rules of the table
    called := coalesce(called, left(format('%s:%s', target, template), 200));
    SELECT r.tableName = target AND r.templateId = template AND r.plan = SCHEMA_.subMsgRule_plan(target, args) AS same INTO present
    FROM SCHEMA_.subMsgRule r WHERE r.name = called;
    IF NOT FOUND THEN
        INSERT INTO SCHEMA_.subMsgRule (name, tableName, templateId, plan) VALUES (called, target, template, args);
    ELSIF present.same THEN
        PERFORM SCHEMA_.subMsgRule_arm(target); -- as it should be already
    ELSIF submsg_watch.name IS NULL THEN
        RAISE EXCEPTION 'there is a rule % that says otherwise', quote_literal(called) USING ERRCODE = 'duplicate_object',
            HINT = format('Give name => %L to replace it, or another name to have both.', called);
    ELSE
        UPDATE SCHEMA_.subMsgRule r SET tableName = target, templateId = template, plan = args WHERE r.name = called;
    END IF;
    PERFORM set_config('lock_timeout', patience, true);
    RETURN called;
END $$;

CREATE FUNCTION submsg_unwatch(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    LOCK TABLE SCHEMA_.subMsgRule IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM SCHEMA_.subMsgRule r WHERE r.name = submsg_unwatch.name RETURNING id INTO gone;
    DELETE FROM SCHEMA_.subMsgRuleError WHERE ruleId = gone; -- its rows can't be sent any more
    RETURN gone IS NOT NULL;
END $$;

-- Calls off the message that a row waits for, if it still waits. Nothing here waits for a lock on a row.
CREATE FUNCTION subMsgRule_cancel(rule bigint, which jsonb, why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    waiting bigint;
BEGIN
    DELETE FROM SCHEMA_.subMsgHeld WHERE (ruleId, rowKey) IN (SELECT h.ruleId, h.rowKey FROM SCHEMA_.subMsgHeld h WHERE h.ruleId = rule AND h.rowKey = which FOR UPDATE SKIP LOCKED)
    RETURNING messageId INTO waiting;
    UPDATE SCHEMA_.subMsgList SET sendStatus = 'cancel', sendStatusMsg = why, dedupKey = NULL
    WHERE id = (SELECT id FROM SCHEMA_.subMsgList WHERE id = waiting AND sendStatus = 'wait' FOR UPDATE SKIP LOCKED);
    IF NOT FOUND AND EXISTS (SELECT FROM SCHEMA_.subMsgList WHERE id = waiting AND sendStatus = 'wait') THEN
        RAISE EXCEPTION 'message % should be cancelled, and another transaction holds it', waiting USING ERRCODE = 'lock_not_available';
    END IF;
END $$;

CREATE FUNCTION subMsgRule_hold(rule bigint, which jsonb, message bigint, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO SCHEMA_.subMsgHeld (ruleId, rowKey, messageId, due) VALUES (rule, which, message, until);
    IF current_setting('transaction_isolation') = 'read committed' THEN -- others' changes are errors elsewhere
        DELETE FROM SCHEMA_.subMsgHeld WHERE (ruleId, rowKey) IN (
            SELECT h.ruleId, h.rowKey FROM SCHEMA_.subMsgHeld h WHERE h.due < now() - interval '1 minute' ORDER BY h.due LIMIT 4 FOR UPDATE SKIP LOCKED);
    END IF;
END $$;

-- Why what a rule read of a row can't be sent; NULL: it can.
CREATE FUNCTION subMsgRule_flaw(rule bigint, openid text, params text[], dedupKey text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM SCHEMA_.subMsgTemplate) AND NOT EXISTS (SELECT FROM SCHEMA_.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name))
            THEN format('there is no template %I any more', r.templateId)
        WHEN openid IS NULL
            THEN format('the openid, column %I, is NULL', r.columnNames[array_position(r.columnLabels, (r.plan->>'openid')::smallint)])
        WHEN array_position(params, NULL) IS NOT NULL
            THEN format('parameter %s: the map has no word for what column %I says', array_position(params, NULL),
                r.columnNames[array_position(r.columnLabels, (r.plan#>>ARRAY['params', (array_position(params, NULL) - 1)::text, 'column'])::smallint)])
        WHEN r.plan ? 'dedupKey' AND dedupKey IS NULL
            THEN 'a column of the dedupKey is NULL'
    END FROM SCHEMA_.subMsgRule r WHERE r.id = rule
$$;

-- The query of a rule whose table has changed, and its flag; kept, unless somebody is at the rule just now.
CREATE FUNCTION subMsgRule_renew(rule bigint, OUT query text, OUT flag text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_now SCHEMA_.subMsgRule;
BEGIN
    SELECT * INTO is_now FROM SCHEMA_.subMsgRule r WHERE r.id = rule;
    is_now := SCHEMA_.subMsgRule_now(is_now);
    query := is_now.query;
    flag := is_now.columnNames[array_position(is_now.columnLabels, (is_now.plan->>'flag')::smallint)];
    UPDATE SCHEMA_.subMsgRule r SET columnNames = is_now.columnNames, columnNumbers = is_now.columnNumbers, columnSeen = is_now.columnSeen, madeFor = is_now.madeFor, query = is_now.query
    WHERE r.id = (SELECT l.id FROM SCHEMA_.subMsgRule l WHERE l.id = rule FOR UPDATE SKIP LOCKED);
EXCEPTION WHEN serialization_failure OR lock_not_available THEN
    IF query IS NULL OR current_setting('transaction_isolation') = 'serializable' THEN
        RAISE;
    END IF;
END $$;

-- Leaves word of a message that could not be made: which row, and what of it the rule uses.
CREATE FUNCTION subMsgRule_failed(rule bigint, target oid, changed anyelement, problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    called text;
    names  text[];
    key    smallint[];
    which  jsonb;
    data   jsonb;
BEGIN
    SELECT r.name, r.columnNames INTO called, names FROM SCHEMA_.subMsgRule r WHERE r.id = rule;
    RAISE WARNING 'submsg: rule % on % inserted no message: %', quote_literal(called), target::regclass, problem;
    SELECT k INTO key FROM (SELECT SCHEMA_.subMsgRule_key(target)) AS t (k)
    WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k) AND attname <> ALL (names));
    EXECUTE format('SELECT %s, %s', coalesce(SCHEMA_.subMsgRule_object_sql(target, key), 'NULL::jsonb'),
        coalesce(SCHEMA_.subMsgRule_object_sql(target, ARRAY(SELECT attnum FROM pg_attribute WHERE attrelid = target AND attname = ANY (names) AND attgenerated = '')), 'jsonb_build_object()'))
        INTO which, data USING changed;
    LOCK TABLE SCHEMA_.subMsgRuleError IN ROW EXCLUSIVE MODE NOWAIT;
    INSERT INTO SCHEMA_.subMsgRuleError AS e (ruleId, error, rowKey, rowData) VALUES (rule, problem, which, data)
    ON CONFLICT (ruleId, rowKey) DO UPDATE SET createTime = excluded.createTime, error = excluded.error, rowData = excluded.rowData;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
        RAISE;
    END IF;
    RAISE WARNING 'submsg: and the error could not be stored: %', SQLERRM;
END $$;

-- Applies the rules of a table, or of those that it is a partition of, to one row; returns the flags to reset. A unit is a rule,
-- or those with the same flag: they stand or fall together, and it stays set until all of their messages can be made.
CREATE FUNCTION subMsgRule_apply(targets oid[], units text[], op text, was anyelement, changed anyelement) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unit  text;
    rule  record;
    at    bigint;
    m     record;
    due   timestamptz;
    new   bigint;
    flag  text;
    flags text[] := '{}';
BEGIN
    FOREACH unit IN ARRAY units LOOP
        flag := NULL;
        at := NULL;
        BEGIN
            FOR rule IN
                SELECT r.id, r.query, r.templateId, r.plan ? 'dedupKey' AS dedup, (r.plan->>'hold')::float8 * interval '1 second' AS hold,
                    r.columnNames[array_position(r.columnLabels, (r.plan->>'flag')::smallint)] AS flag,
                    r.columnSeen = ARRAY(SELECT concat(a.attname, ' ', a.xmin) FROM pg_attribute a WHERE a.attrelid = r.tableName AND a.attnum = ANY (r.columnNumbers) ORDER BY a.attnum) AS fresh,
                    EXISTS (SELECT FROM SCHEMA_.subMsgTemplate) AND NOT EXISTS (SELECT FROM SCHEMA_.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name)) AS gone
                FROM SCHEMA_.subMsgRule r WHERE r.tableName = ANY (targets) AND coalesce(r.plan->>'flag', 'rule ' || r.id) = unit ORDER BY r.id
            LOOP
                at := rule.id;
                IF NOT rule.fresh THEN
                    SELECT w.query, w.flag INTO rule.query, rule.flag FROM SCHEMA_.subMsgRule_renew(at) AS w;
                END IF;
                EXECUTE rule.query INTO m USING changed, was;
                IF m.fits AND (op = 'INSERT' OR op = 'UPDATE' AND m.changed AND m.flagged) THEN
                    IF rule.gone OR m.openid IS NULL OR array_position(m.params, NULL) IS NOT NULL OR rule.dedup AND m.dedupKey IS NULL THEN
                        RAISE EXCEPTION '%', SCHEMA_.subMsgRule_flaw(at, m.openid, m.params, m.dedupKey) USING ERRCODE = 'data_exception';
                    END IF;
                    LOCK TABLE SCHEMA_.subMsgList, SCHEMA_.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
                    due := coalesce(m.sendAfter, now());
                    IF rule.hold IS NOT NULL THEN
                        due := greatest(due, clock_timestamp() + rule.hold);
                        PERFORM SCHEMA_.subMsgRule_cancel(at, m.rowKey, '已被同一条记录的新消息取代 (replaced by a newer message of the same rule and row)');
                    END IF;
                    new := NULL;
                    IF m.dedupKey IS NULL THEN
                        INSERT INTO SCHEMA_.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page)
                        VALUES (m.openid, rule.templateId, m.params, due, m.expireTime, m.page) RETURNING id INTO new;
                    ELSE
                        BEGIN -- ON CONFLICT would be a serialization failure where a snapshot hides the other row
                            INSERT INTO SCHEMA_.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
                            VALUES (m.openid, rule.templateId, m.params, due, m.expireTime, m.page, m.dedupKey) RETURNING id INTO new;
                        EXCEPTION WHEN unique_violation THEN
                            NULL; -- there is one
                        END;
                    END IF;
                    IF rule.hold IS NOT NULL AND new IS NOT NULL THEN
                        PERFORM SCHEMA_.subMsgRule_hold(at, m.rowKey, new, due);
                    END IF;
                    flag := rule.flag;
                ELSIF rule.hold IS NOT NULL AND (op = 'DELETE' OR NOT m.fits) THEN
                    LOCK TABLE SCHEMA_.subMsgList, SCHEMA_.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
                    PERFORM SCHEMA_.subMsgRule_cancel(at, m.rowKey, '记录已离开该状态 (the row left the state before the message was due)');
                END IF;
            END LOOP;
            IF flag IS NOT NULL THEN
                flags := flags || flag;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
                RAISE; -- only the whole transaction, done again, can mend that
            END IF;
            PERFORM SCHEMA_.subMsgRule_failed(coalesce(at, 0), targets[1], changed, SQLERRM);
        END;
    END LOOP;
    RETURN flags;
END $$;

-- SECURITY DEFINER: whoever may change the business table needs no right on ours; see 000005 for what that demands of the code.
-- It waits 50 ms at most (for an open transaction with the same dedupKey), and for no lock on a table or row.
CREATE OR REPLACE FUNCTION subMsgRule_fire() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    targets oid[] := TG_RELID || ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(TG_RELID) AS a WHERE a.relid <> TG_RELID);
    units   text[];
    changed record;
    flag    text;
BEGIN
    BEGIN
        LOCK TABLE SCHEMA_.subMsgRule, SCHEMA_.subMsgTemplate IN ACCESS SHARE MODE NOWAIT;
        units := ARRAY(SELECT coalesce(r.plan->>'flag', 'rule ' || r.id) FROM SCHEMA_.subMsgRule r
            WHERE r.tableName = ANY (targets) AND CASE TG_OP WHEN 'UPDATE' THEN true WHEN 'INSERT' THEN r.plan ? 'onInsert' AND NOT r.plan ? 'flag' ELSE r.plan ? 'hold' END
            GROUP BY 1 ORDER BY min(r.id));
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE = '40001' THEN
            RAISE;
        END IF;
        RAISE WARNING 'submsg: the rules on % can''t be read: %', TG_RELID::regclass, SQLERRM;
        RETURN NEW;
    END;
    IF TG_LEVEL = 'STATEMENT' AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgname = TG_NAME AND 'submsg_rows' IN (tgnewtable, tgoldtable)) THEN
        RETURN NULL; -- not a trigger that subMsgRule_arm() made: the name would mean a table, or view, of whoever updates
    ELSIF TG_LEVEL = 'STATEMENT' THEN
        FOR changed IN EXECUTE format('SELECT ROW (r.*)::%s AS is FROM submsg_rows AS r', TG_RELID::regclass) LOOP
            PERFORM SCHEMA_.subMsgRule_apply(targets, units, TG_OP, changed.is, changed.is);
        END LOOP;
    ELSIF TG_OP = 'UPDATE' THEN
        FOREACH flag IN ARRAY SCHEMA_.subMsgRule_apply(targets, units, TG_OP, OLD, NEW) LOOP
            NEW := jsonb_populate_record(NEW, jsonb_build_object(flag, false));
        END LOOP;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM SCHEMA_.subMsgRule_apply(targets, units, TG_OP, NEW, NEW);
    ELSE
        PERFORM SCHEMA_.subMsgRule_apply(targets, units, TG_OP, OLD, OLD);
    END IF;
    RETURN NEW;
END $$;

-- A row inserted with its flag set: an update that changes nothing, as whoever inserted it, does as every update with the
-- flag. Its search_path is the inserter's, for the table's other triggers; here everything is named in full instead.
CREATE FUNCTION subMsgRule_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    touch text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT format('UPDATE %s AS t SET %2$I = t.%2$I WHERE %3$s', TG_RELID::regclass, min(f.attname), (
            SELECT string_agg(format('t.%1$I OPERATOR(pg_catalog.=) ($1).%1$I', k.attname), ' AND ')
            FROM pg_attribute k WHERE k.attrelid = TG_RELID AND k.attnum = ANY (( -- as in subMsgRule_key(), which the inserter may not call
                SELECT i.indkey::smallint[] FROM pg_index i WHERE i.indrelid = TG_RELID AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
                    AND i.indexprs IS NULL AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = TG_RELID AND n.attnum = ANY (i.indkey) AND NOT n.attnotnull)
                ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1)::smallint[])))
    INTO touch
    FROM pg_trigger tr JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = tr.oid AND d.refobjid = tr.tgrelid AND d.refobjsubid > 0
        JOIN pg_attribute f ON f.attrelid = tr.tgrelid AND f.attnum = d.refobjsubid -- the flags, in the WHEN of the trigger or of the whole table's
    WHERE tr.tgname = TG_NAME AND (tr.tgrelid = TG_RELID OR tr.tgrelid IN (SELECT a.relid FROM pg_partition_ancestors(TG_RELID) AS a));
    PERFORM pg_catalog.set_config('search_path', path, true);
    EXECUTE touch USING NEW;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE OPERATOR(pg_catalog.=) '40001' THEN
        RAISE;
    END IF;
    RAISE WARNING 'submsg: a row inserted into % with its flag notifies nobody before it is updated: %', TG_RELID::pg_catalog.regclass, SQLERRM;
    RETURN NULL;
END $$

$sql$, 'NAMESPACE_', pg_catalog.quote_literal(pg_catalog.quote_ident(pg_catalog.current_schema()::text))), 'SCHEMA_', pg_catalog.quote_ident(pg_catalog.current_schema()::text)); END $do$;

-- Nobody calls these but the functions above, and administrators (submsg_admin), who define rules.
DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND (proname LIKE 'submsgrule\_%' OR proname IN ('submsg_watch', 'submsg_unwatch')) LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;

-- The rules made by hand so far, beginning with that of orders, and their triggers.
DO $$ DECLARE
    old record;
    called text;
BEGIN
    FOR old IN SELECT * FROM subMsgRule_old ORDER BY id LOOP
        BEGIN
            IF old.tableName = to_regclass('orders') AND old.paramColumns = '{name,cardnumber,paymoney,balance,remark}' AND old.whenColumn IS NULL THEN
                called := submsg_watch('orders', template => 'AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw', openid => 'openid',
                    params => ARRAY['name', 'cardNumber', 'payMoney', 'balance', 'remark'], flag => 'isSendMsg', name => 'orders');
            ELSE
                called := submsg_watch(old.tableName, old.templateId, old.openidColumn,
                    ARRAY(SELECT CASE WHEN c ~ '^[={]' THEN json_build_object('column', c)::text ELSE c END FROM unnest(old.paramColumns) WITH ORDINALITY AS p (c, n) ORDER BY n),
                    old.flagColumn, old.whenColumn, old.whenValues, name => left(format('%s:%s #%s', old.tableName, old.templateId, old.id), 200));
            END IF;
            UPDATE subMsgRuleError SET ruleId = (SELECT id FROM subMsgRule WHERE name = called) WHERE ruleId = old.id;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % on % is broken, and not taken over: %', old.id, old.tableName, SQLERRM;
        END;
    END LOOP;
    FOR old IN SELECT tgname, tgrelid::regclass AS target FROM pg_trigger WHERE tgfoid = 'subMsgRule_fire'::regproc AND tgname NOT LIKE '~submsg%' AND tgparentid = 0 LOOP
        BEGIN
            EXECUTE format('DROP TRIGGER %I ON %s', old.tgname, old.target);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'submsg: trigger % on % is of no use any more, and its table''s owner may drop it', old.tgname, old.target;
        END;
    END LOOP;
END $$;
DROP TABLE subMsgRule_old;
