-- submsg_rules() lists the rules as submsg_watch() would make them, with what is wrong with each. Readers and administrators
-- call it from any SQL client; `submsg rules list`, `submsg rules show`, `submsg doctor` and the view subMsgHealth do.

-- subMsgRule_text_argument returns the text that subMsgRule_read_text() has read: ["refund ", 1] is 'refund {id}' again. names
-- tells what each column is called now: {"1": "id"}.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_text_argument(parts jsonb, names jsonb) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT CASE WHEN parts IS NOT NULL THEN coalesce((
        SELECT string_agg(CASE jsonb_typeof(p)
                WHEN 'number' THEN '{' || (names->>(p #>> '{}')) || '}'
                ELSE replace(replace(p #>> '{}', '{', '{{'), '}', '}}') END, '' ORDER BY n)
        FROM jsonb_array_elements(parts) WITH ORDINALITY AS e (p, n)), '') END
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_text_argument FROM PUBLIC;

-- subMsgRule_time_argument returns the time that subMsgRule_read_time() has read: 'pickup_at - 1 hour'.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_time_argument(at jsonb, names jsonb) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT CASE
        WHEN at IS NULL THEN NULL
        WHEN NOT at ? 'column' THEN at->>'add'
        WHEN at->>'add' = '+0' THEN names->>(at->>'column')
        ELSE concat_ws(' ', names->>(at->>'column'), left(at->>'add', 1), substr(at->>'add', 2)) END
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_time_argument FROM PUBLIC;

-- subMsgRule_arguments returns the arguments that submsg_watch() would make the rule from.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_arguments(rule SUBMSG_SCHEMA.subMsgRule) RETURNS jsonb
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'openid', names->>(plan->>'openid'),
        'params', (
            SELECT coalesce(jsonb_agg(CASE
                WHEN p ? 'text' THEN '=' || SUBMSG_SCHEMA.subMsgRule_text_argument(p->'text', names)
                WHEN p - 'column' <> '{}' OR names->>(p->>'column') ~ '^[={]'
                    THEN (p || jsonb_build_object('column', names->>(p->>'column')))::text
                ELSE names->>(p->>'column') END ORDER BY n), '[]')
            FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n)),
        'flag', names->>(plan->>'flag'),
        'whenColumn', names->>(plan->>'whenColumn'),
        'whenValues', plan->'whenValues',
        'filter', (SELECT jsonb_object_agg(names->>(f->>'column'), f->'values') FROM jsonb_array_elements(plan->'filter') AS f),
        'onInsert', plan->'onInsert',
        'hold', justify_interval((plan->>'hold')::float8 * interval '1 second')::text,
        'sendAfter', SUBMSG_SCHEMA.subMsgRule_time_argument(plan->'sendAfter', names),
        'expireTime', SUBMSG_SCHEMA.subMsgRule_time_argument(plan->'expireTime', names),
        'dedupKey', SUBMSG_SCHEMA.subMsgRule_text_argument(plan->'dedupKey', names),
        'page', SUBMSG_SCHEMA.subMsgRule_text_argument(plan->'page', names)))
    FROM (SELECT rule.plan, jsonb_object(rule.columnLabels::text[], rule.columnNames)) AS r (plan, names)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_arguments FROM PUBLIC;

-- subMsgRule_problem tells why a rule makes no messages; NULL if it does.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_problem(rule SUBMSG_SCHEMA.subMsgRule) RETURNS text
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    enabled "char";
BEGIN
    PERFORM SUBMSG_SCHEMA.subMsgRule_current(rule); -- an error, if a column is gone
    SELECT tgenabled INTO enabled FROM pg_trigger WHERE tgrelid = rule.tableName AND tgname = '~submsg';
    RETURN CASE
        WHEN enabled IS NULL THEN format('the trigger "~submsg" of %s is gone: define the rule again', rule.tableName)
        WHEN enabled NOT IN ('O', 'A')
            THEN format('its trigger is disabled: ALTER TABLE %s ENABLE TRIGGER "~submsg"', rule.tableName)
        WHEN EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate)
            AND NOT EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE rule.templateId IN (t.templateId, t.name))
            THEN format('there is no template %I any more', rule.templateId)
        ELSE (
            SELECT format('template %I has %s parameters now (%s), the rule gives %s', rule.templateId,
                cardinality(t.params), array_to_string(t.params, ', '), jsonb_array_length(rule.plan->'params'))
            FROM SUBMSG_SCHEMA.subMsgTemplate t
            WHERE rule.templateId IN (t.templateId, t.name)
                AND NOT SUBMSG_SCHEMA.subMsgRule_template_fits(rule.templateId, jsonb_array_length(rule.plan->'params'))
            LIMIT 1)
    END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_problem FROM PUBLIC;

-- subMsgRule_call returns the statement that makes the rule again. arguments are those of subMsgRule_arguments().
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_call(rule SUBMSG_SCHEMA.subMsgRule, arguments jsonb) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT format('SELECT %s.submsg_watch(%L, template => %L, openid => %L, params => ARRAY[%s]::text[]',
            'SUBMSG_SCHEMA'::regnamespace, rule.tableName, rule.templateId, arguments->>'openid',
            (SELECT string_agg(quote_literal(p), ', ' ORDER BY n)
                FROM unnest(SUBMSG_SCHEMA.subMsgRule_text_array(arguments->'params')) WITH ORDINALITY AS e (p, n)))
        || (SELECT coalesce(string_agg(format(', %s => %s', k, CASE k
                WHEN 'whenValues' THEN format('%L::text[]', SUBMSG_SCHEMA.subMsgRule_text_array(arguments->k))
                WHEN 'onInsert' THEN 'true'
                ELSE quote_literal(arguments->>k) END), '' ORDER BY n), '')
            FROM unnest('{flag,whenColumn,whenValues,filter,onInsert,hold,sendAfter,expireTime,dedupKey,page}'::text[])
                WITH ORDINALITY AS e (k, n) WHERE arguments ? k)
        || format(', name => %L);', rule.name)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_call FROM PUBLIC;

-- submsg_rules runs with its owner's rights (SECURITY DEFINER), for readers: it shows names, and runs no rule.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_rules(name text DEFAULT NULL) RETURNS TABLE (
    id bigint, rule text, tableName text, template text, openid text, params text[], flag text, whenColumn text, whenValues text[],
    filter jsonb, onInsert boolean, hold interval, sendAfter text, expireTime text, dedupKey text, page text,
    problem text, errors bigint, call text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SUBMSG_SETTINGS AS $$
#variable_conflict use_column
DECLARE
    shown     SUBMSG_SCHEMA.subMsgRule;
    arguments jsonb;
BEGIN
    FOR shown IN
        SELECT * FROM SUBMSG_SCHEMA.subMsgRule r WHERE submsg_rules.name IS NULL OR r.name = submsg_rules.name ORDER BY r.name
    LOOP
        problem := SUBMSG_SCHEMA.subMsgRule_problem(shown);
        BEGIN
            shown := SUBMSG_SCHEMA.subMsgRule_current(shown);
        EXCEPTION WHEN OTHERS THEN
            NULL; -- a broken rule is shown as it was
        END;
        arguments := SUBMSG_SCHEMA.subMsgRule_arguments(shown);
        id := shown.id;
        rule := shown.name;
        tableName := shown.tableName::text;
        template := shown.templateId;
        openid := arguments->>'openid';
        params := SUBMSG_SCHEMA.subMsgRule_text_array(arguments->'params');
        flag := arguments->>'flag';
        whenColumn := arguments->>'whenColumn';
        whenValues := SUBMSG_SCHEMA.subMsgRule_text_array(arguments->'whenValues');
        filter := arguments->'filter';
        onInsert := arguments ? 'onInsert';
        hold := (arguments->>'hold')::interval;
        sendAfter := arguments->>'sendAfter';
        expireTime := arguments->>'expireTime';
        dedupKey := arguments->>'dedupKey';
        page := arguments->>'page';
        errors := (SELECT count(*) FROM SUBMSG_SCHEMA.subMsgRuleError e WHERE e.ruleId = shown.id);
        call := SUBMSG_SCHEMA.subMsgRule_call(shown, arguments);
        RETURN NEXT;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.submsg_rules FROM PUBLIC;
