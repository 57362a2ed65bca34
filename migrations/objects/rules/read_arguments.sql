-- The functions that read one argument of submsg_watch() each, check it against the table, and return its part of the plan.
-- subMsgRule_plan() (plan.sql) calls them.
--
-- In a plan, a column is its number in the catalogue: the plan says the same after the column is renamed. Everything in a plan
-- that is a number is such a column; this is why hold is stored as text.

-- subMsgRule_read_column returns the number of the column that is called so: in the very spelling, or else in lower case, as
-- Postgres folds names that aren't quoted.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_read_column(target regclass, given text) RETURNS smallint
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    number smallint;
BEGIN
    SELECT attnum INTO number FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname IN (given::name, lower(given)::name)
    ORDER BY attname <> given::name LIMIT 1;
    IF number IS NULL THEN
        RAISE EXCEPTION '% has no column %', target, quote_ident(given)
            USING ERRCODE = 'undefined_column', HINT = 'Its columns are: ' || left((
                SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
                FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped), 1000);
    ELSIF NOT has_column_privilege(target, number, 'SELECT') THEN
        RAISE EXCEPTION '% may not read column % of %', current_user, quote_ident(given), target
            USING ERRCODE = 'insufficient_privilege', HINT = format('A rule shows what it reads to all who may read messages. '
                'Let the table''s owner GRANT SELECT (%I) ON %s TO %I, or define the rule.', given, target, current_user);
    END IF;
    RETURN number;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_read_column FROM PUBLIC;

-- subMsgRule_read_text reads a text with columns in it: 'refund {id}' becomes ["refund ", 1] if id is column 1.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_read_text(target regclass, given text) RETURNS jsonb
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    piece text[]; -- one of: text or a doubled brace, the name of a column, a brace alone
    parts jsonb := CASE WHEN given IS NOT NULL THEN '[]' END::jsonb;
BEGIN
    FOR piece IN SELECT regexp_matches(given, '(\{\{|\}\}|[^{}]+)|\{([^{}]+)\}|([{}])', 'g') LOOP
        IF piece[3] IS NOT NULL THEN
            RAISE EXCEPTION '% has a % that is not part of a {column}', quote_literal(given), piece[3]
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {{ and }} for braces.';
        END IF;
        parts := parts || CASE
            WHEN piece[2] IS NOT NULL THEN to_jsonb(SUBMSG_SCHEMA.subMsgRule_read_column(target, piece[2]))
            ELSE to_jsonb(CASE piece[1] WHEN '{{' THEN '{' WHEN '}}' THEN '}' ELSE piece[1] END) END;
    END LOOP;
    RETURN parts;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_read_text FROM PUBLIC;

-- subMsgRule_read_param reads one parameter: a column (goods), a text (=refund {id}), or an object ({"column": …, "map": …}).
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_read_param(target regclass, given text, default_zone text) RETURNS jsonb
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    param     jsonb;
    member    text;
    type_name text;
BEGIN
    IF given IS NULL THEN
        RAISE EXCEPTION 'a parameter is NULL' USING ERRCODE = 'invalid_parameter_value', HINT = 'An empty one is written =';
    ELSIF given LIKE '=%' THEN
        RETURN jsonb_build_object('text', SUBMSG_SCHEMA.subMsgRule_read_text(target, substr(given, 2)));
    ELSIF given NOT LIKE '{%' THEN
        RETURN jsonb_build_object('column', SUBMSG_SCHEMA.subMsgRule_read_column(target, given));
    END IF;
    BEGIN
        param := given;
    EXCEPTION WHEN invalid_text_representation THEN
        RAISE EXCEPTION 'the parameter % is no JSON', quote_literal(given) USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Write {"column":"state","map":{"paid":"已付款"}} or {"column":"amount","format":"FM999990.00"}.';
    END;
    SELECT key INTO member FROM jsonb_each(param) AS p (key, value)
    WHERE key NOT IN ('column', 'map', 'else', 'format', 'zone', 'null')
        OR jsonb_typeof(value) <> CASE key WHEN 'map' THEN 'object' ELSE 'string' END
        OR key = 'map' AND EXISTS (
            SELECT FROM jsonb_each(CASE WHEN jsonb_typeof(value) = 'object' THEN value ELSE '{}' END) AS m (k, v)
            WHERE jsonb_typeof(v) <> 'string')
    LIMIT 1;
    IF FOUND OR NOT param ? 'column'
        OR param ? 'map' AND param ? 'format' OR param ? 'else' AND NOT param ? 'map' OR param ? 'zone' AND NOT param ? 'format'
    THEN
        RAISE EXCEPTION 'the parameter % has %', given, coalesce('a wrong ' || quote_ident(member),
                CASE WHEN param ? 'column' THEN 'members that don''t go together' ELSE 'no "column"' END)
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'It is {"column": "…"} with "map": {"value": "word"} (and "else": "word"), '
                    'or with "format": "…" (and "zone": "…"), and "null": "word"; all texts.';
    END IF;
    param := param || jsonb_build_object('column', SUBMSG_SCHEMA.subMsgRule_read_column(target, param->>'column'));
    IF param ? 'format' THEN
        SELECT format_type(atttypid, NULL) INTO type_name
        FROM pg_attribute WHERE attrelid = target AND attnum = (param->>'column')::smallint;
        IF type_name NOT IN ('smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision',
            'date', 'timestamp without time zone', 'timestamp with time zone', 'interval')
        THEN
            RAISE EXCEPTION 'the parameter % formats a %', given, type_name
                USING ERRCODE = 'datatype_mismatch', HINT = 'Numbers, dates, timestamps and intervals have formats.';
        ELSIF type_name = 'timestamp with time zone' THEN
            -- The message shows the zone of whoever defines the rule, not that of whoever updates the row.
            param := jsonb_build_object('zone', default_zone) || param;
            PERFORM now() AT TIME ZONE (param->>'zone'); -- an error, if there is no such zone
        END IF;
    END IF;
    RETURN param;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_read_param FROM PUBLIC;

-- subMsgRule_read_time reads a time: '+2 hours' (from now), 'pickup_at' (a column), or 'pickup_at - 1 hour'.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_read_time(target regclass, given text, default_zone text) RETURNS jsonb
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    piece  text[] := regexp_match(given, '^(?:(.+)\s)?([+-])\s*(\d.*)$'); -- column or NULL, sign, interval
    number smallint;
    type   regtype;
BEGIN
    IF given IS NULL THEN
        RETURN NULL;
    ELSIF piece IS NULL
        OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = given::name AND NOT attisdropped)
    THEN
        piece := ARRAY[given, '+', '0'];
    END IF;
    BEGIN
        PERFORM (piece[2] || piece[3])::interval;
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION '% is no interval in %', quote_literal(piece[3]), quote_literal(given)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Write +2 hours, pickup_at, or pickup_at - 1 hour.';
    END;
    IF piece[1] IS NULL THEN
        RETURN jsonb_build_object('add', piece[2] || piece[3]);
    END IF;
    number := SUBMSG_SCHEMA.subMsgRule_read_column(target, btrim(piece[1]));
    SELECT atttypid INTO type FROM pg_attribute WHERE attrelid = target AND attnum = number;
    IF type NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
        RAISE EXCEPTION 'column % is of type %, not a time', quote_ident(btrim(piece[1])), type USING ERRCODE = 'datatype_mismatch';
    END IF;
    RETURN jsonb_build_object('column', number, 'add', piece[2] || piece[3])
        || CASE type WHEN 'timestamptz'::regtype THEN '{}' ELSE jsonb_build_object('zone', default_zone) END;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_read_time FROM PUBLIC;

-- subMsgRule_read_flag reads the flag: it must be a boolean column that an update can set.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_read_flag(target regclass, given text) RETURNS smallint
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    number smallint := SUBMSG_SCHEMA.subMsgRule_read_column(target, given);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = target AND attnum = number AND atttypid = 'boolean'::regtype AND attgenerated = '')
    THEN
        RAISE EXCEPTION 'the flag % of % is no plain boolean column', quote_ident(given), target USING ERRCODE = 'datatype_mismatch',
            HINT = coalesce('These are: ' || (
                    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                    WHERE attrelid = target AND attnum > 0 AND atttypid = 'boolean'::regtype AND attgenerated = '' AND NOT attisdropped),
                format('Add one: ALTER TABLE %s ADD notify boolean NOT NULL DEFAULT false', target));
    END IF;
    RETURN number;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_read_flag FROM PUBLIC;

-- subMsgRule_read_filter reads the filter: {"kind": "food"} becomes [{"column": 7, "values": ["food"]}] if kind is column 7.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_read_filter(target regclass, given jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    conditions jsonb := '[]';
    f          record;
BEGIN
    IF jsonb_typeof(given) <> 'object' THEN
        RAISE EXCEPTION 'the filter % is no JSON object', given
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {"kind": "food", "city": ["sz", "gz"]}.';
    END IF;
    FOR f IN
        SELECT key, CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END AS wanted
        FROM jsonb_each(given) ORDER BY key
    LOOP
        IF EXISTS (SELECT FROM jsonb_array_elements(f.wanted) AS v WHERE jsonb_typeof(v) IN ('object', 'array', 'null')) THEN
            RAISE EXCEPTION 'the filter on % must be one text or a list of them', quote_ident(f.key)
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        conditions := conditions || jsonb_build_array(jsonb_build_object('column', SUBMSG_SCHEMA.subMsgRule_read_column(target, f.key),
            'values', (SELECT jsonb_agg(v) FROM jsonb_array_elements_text(f.wanted) AS v)));
    END LOOP;
    RETURN conditions;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_read_filter FROM PUBLIC;
