-- Rules looked at, tried out, and made good for: submsg_rules(), submsg_test(), submsg_replay().
DO $do$ BEGIN EXECUTE pg_catalog.replace(pg_catalog.replace($sql$

CREATE FUNCTION subMsgRule_text_written(parts jsonb, named jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN parts IS NOT NULL THEN coalesce((SELECT string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN '{' || (named->>(p #>> '{}')) || '}'
        ELSE replace(replace(p #>> '{}', '{', '{{'), '}', '}}') END, '' ORDER BY n) FROM jsonb_array_elements(parts) WITH ORDINALITY AS e (p, n)), '') END
$$;

CREATE FUNCTION subMsgRule_time_written(at jsonb, named jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN at IS NULL THEN NULL WHEN NOT at ? 'column' THEN at->>'add' WHEN at->>'add' = '+0' THEN named->>(at->>'column')
        ELSE concat_ws(' ', named->>(at->>'column'), left(at->>'add', 1), substr(at->>'add', 2)) END
$$;

-- The arguments that submsg_watch() would make the rule from.
CREATE FUNCTION subMsgRule_written(rule SCHEMA_.subMsgRule) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'openid', named->>(plan->>'openid'),
        'params', (SELECT coalesce(jsonb_agg(CASE
                WHEN p ? 'text' THEN '=' || SCHEMA_.subMsgRule_text_written(p->'text', named)
                WHEN p - 'column' <> '{}' OR named->>(p->>'column') ~ '^[={]' THEN (p || jsonb_build_object('column', named->>(p->>'column')))::text
                ELSE named->>(p->>'column') END ORDER BY n), '[]') FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n)),
        'flag', named->>(plan->>'flag'), 'whenColumn', named->>(plan->>'whenColumn'), 'whenValues', plan->'whenValues',
        'filter', (SELECT jsonb_object_agg(named->>(f->>'column'), f->'values') FROM jsonb_array_elements(plan->'filter') AS f),
        'onInsert', plan->'onInsert', 'hold', justify_interval((plan->>'hold')::float8 * interval '1 second')::text,
        'sendAfter', SCHEMA_.subMsgRule_time_written(plan->'sendAfter', named), 'expireTime', SCHEMA_.subMsgRule_time_written(plan->'expireTime', named),
        'dedupKey', SCHEMA_.subMsgRule_text_written(plan->'dedupKey', named), 'page', SCHEMA_.subMsgRule_text_written(plan->'page', named)))
    FROM (SELECT rule.plan, jsonb_object(rule.columnLabels::text[], rule.columnNames)) AS r (plan, named)
$$;

CREATE FUNCTION subMsgRule_list(items jsonb) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN items IS NOT NULL THEN ARRAY(SELECT v FROM jsonb_array_elements_text(items) WITH ORDINALITY AS e (v, n) ORDER BY n) END
$$;

-- Why a rule makes no messages; NULL: it does.
CREATE FUNCTION subMsgRule_problem(rule SCHEMA_.subMsgRule) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    enabled "char";
BEGIN
    PERFORM SCHEMA_.subMsgRule_now(rule);
    SELECT tgenabled INTO enabled FROM pg_trigger WHERE tgrelid = rule.tableName AND tgname = '~submsg';
    RETURN CASE
        WHEN enabled IS NULL THEN format('the trigger "~submsg" of %s is gone: define the rule again', rule.tableName)
        WHEN enabled NOT IN ('O', 'A') THEN format('its trigger is disabled: ALTER TABLE %s ENABLE TRIGGER "~submsg"', rule.tableName)
        WHEN EXISTS (SELECT FROM SCHEMA_.subMsgTemplate) AND NOT EXISTS (SELECT FROM SCHEMA_.subMsgTemplate t WHERE rule.templateId IN (t.templateId, t.name))
            THEN format('there is no template %I any more', rule.templateId)
        ELSE (SELECT format('template %I has %s parameters now (%s), the rule gives %s', rule.templateId, cardinality(t.params), array_to_string(t.params, ', '), jsonb_array_length(rule.plan->'params'))
            FROM SCHEMA_.subMsgTemplate t WHERE rule.templateId IN (t.templateId, t.name) AND cardinality(t.params) <> jsonb_array_length(rule.plan->'params') LIMIT 1)
    END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

-- With its owner's rights, for readers: it shows names, and runs nothing.
CREATE FUNCTION submsg_rules(name text DEFAULT NULL) RETURNS TABLE (
    id bigint, rule text, tableName text, template text, openid text, params text[], flag text, whenColumn text, whenValues text[], filter jsonb,
    onInsert boolean, hold interval, sendAfter text, expireTime text, dedupKey text, page text, problem text, errors bigint, call text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    rule SCHEMA_.subMsgRule;
    w    jsonb;
BEGIN
    FOR rule IN SELECT * FROM SCHEMA_.subMsgRule r WHERE submsg_rules.name IS NULL OR r.name = submsg_rules.name ORDER BY r.name LOOP
        problem := SCHEMA_.subMsgRule_problem(rule);
        BEGIN
            rule := SCHEMA_.subMsgRule_now(rule);
        EXCEPTION WHEN OTHERS THEN
            NULL; -- shown as it was
        END;
        w := SCHEMA_.subMsgRule_written(rule);
        id := rule.id; submsg_rules.rule := rule.name; tableName := rule.tableName::text; template := rule.templateId;
        openid := w->>'openid'; params := SCHEMA_.subMsgRule_list(w->'params'); flag := w->>'flag'; whenColumn := w->>'whenColumn'; whenValues := SCHEMA_.subMsgRule_list(w->'whenValues');
        filter := w->'filter'; onInsert := w ? 'onInsert'; hold := (w->>'hold')::interval;
        sendAfter := w->>'sendAfter'; expireTime := w->>'expireTime'; dedupKey := w->>'dedupKey'; page := w->>'page';
        errors := (SELECT count(*) FROM SCHEMA_.subMsgRuleError e WHERE e.ruleId = rule.id);
        call := format('SELECT %s.submsg_watch(%L, template => %L, openid => %L, params => %s', NAMESPACE_, rule.tableName, rule.templateId, w->>'openid',
                (SELECT 'ARRAY[' || coalesce(string_agg(quote_literal(p), ', ' ORDER BY n), '') || ']::text[]' FROM unnest(submsg_rules.params) WITH ORDINALITY AS e (p, n)))
            || (SELECT coalesce(string_agg(format(', %s => %s', k, CASE WHEN k = 'whenValues' THEN format('%L::text[]', submsg_rules.whenValues) WHEN k = 'onInsert' THEN 'true' ELSE quote_literal(w->>k) END), '' ORDER BY n), '')
                FROM unnest('{flag,whenColumn,whenValues,filter,onInsert,hold,sendAfter,expireTime,dedupKey,page}'::text[]) WITH ORDINALITY AS e (k, n) WHERE w ? k)
            || format(', name => %L);', rule.name);
        RETURN NEXT;
    END LOOP;
END $$;

-- What a rule makes of a row. problem: why there would be no message.
CREATE FUNCTION subMsgRule_read(rule SCHEMA_.subMsgRule, given anyelement, OUT fits boolean, OUT openid text, OUT params text[], OUT sendAfter timestamptz,
    OUT expireTime timestamptz, OUT dedupKey text, OUT page text, OUT rowKey jsonb, OUT problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_now SCHEMA_.subMsgRule;
    c      record;
    value  text;
    broken boolean;
BEGIN
    fits := true; -- as far as known
    EXECUTE format('SELECT %s', coalesce(SCHEMA_.subMsgRule_object_sql(rule.tableName, SCHEMA_.subMsgRule_key(rule.tableName)), 'NULL::jsonb')) INTO rowKey USING given;
    is_now := SCHEMA_.subMsgRule_now(rule);
    EXECUTE format('SELECT fits, openid, params, sendAfter, expireTime, dedupKey, page FROM (%s) AS m', is_now.query) INTO fits, openid, params, sendAfter, expireTime, dedupKey, page USING given, given;
    FOR c IN
        SELECT n.number, SCHEMA_.subMsgRule_list(w->'values') AS wanted
        FROM jsonb_array_elements(coalesce(rule.plan->'filter', '[]')
            || CASE WHEN rule.plan ? 'whenValues' THEN jsonb_build_array(jsonb_build_object('column', rule.plan->'whenColumn', 'values', rule.plan->'whenValues')) ELSE '[]' END) AS w,
            LATERAL (SELECT is_now.columnNumbers[array_position(is_now.columnLabels, (w->>'column')::smallint)]) AS n (number)
    LOOP
        EXECUTE 'SELECT ' || SCHEMA_.subMsgRule_astext(rule.tableName, c.number, '$1') INTO value USING given;
        IF (value = ANY (c.wanted)) IS NOT TRUE THEN
            problem := format('it does not fire: column %I is %s, the rule wants %s', (SELECT attname FROM pg_attribute WHERE attrelid = rule.tableName AND attnum = c.number),
                coalesce(quote_literal(value), 'NULL'), (SELECT string_agg(quote_literal(v), ' or ') FROM unnest(c.wanted) AS v));
            RETURN;
        END IF;
    END LOOP;
    problem := SCHEMA_.subMsgRule_flaw(rule.id, openid, params, dedupKey);
    FOR c IN
        SELECT conname, pg_get_expr(conbin, conrelid) AS condition FROM pg_constraint
        WHERE conrelid = (NAMESPACE_ || '.subMsgList')::regclass AND contype = 'c' AND problem IS NULL
            AND conkey <@ ARRAY(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname IN ('openid', 'templateid', 'parameterarr', 'page', 'dedupkey'))
    LOOP
        EXECUTE format('SELECT (%s) IS FALSE FROM (SELECT $1, $2, $3, $4, $5) AS l (openid, templateid, parameterarr, page, dedupkey)', c.condition) INTO broken USING openid, rule.templateId, params, page, dedupKey;
        IF broken THEN
            problem := replace(c.conname, '_', ' ');
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    problem := SQLERRM;
END $$;

-- The messages that an update of a row would make, one line a rule of its table: SELECT m.* FROM refunds r, submsg_test(r) m WHERE r.id = 7
CREATE FUNCTION submsg_test(given anyelement) RETURNS TABLE (
    rule text, template text, rowKey jsonb, openid text, params text[], sendAfter timestamptz, expireTime timestamptz, dedupKey text, page text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target oid := (SELECT typrelid FROM pg_type WHERE pg_type.oid = pg_typeof(given)::oid);
    r      SCHEMA_.subMsgRule;
    m      record;
BEGIN
    FOR r IN SELECT * FROM SCHEMA_.subMsgRule x WHERE x.tableName = target OR x.tableName IN (SELECT relid FROM pg_partition_ancestors(target)) ORDER BY x.id LOOP
        m := SCHEMA_.subMsgRule_read(r, given);
        rule := r.name; template := r.templateId; rowKey := m.rowKey; openid := m.openid; params := array_replace(m.params, NULL, ''); expireTime := m.expireTime; dedupKey := m.dedupKey; page := m.page; problem := m.problem;
        sendAfter := greatest(coalesce(m.sendAfter, now()), now() + (r.plan->>'hold')::float8 * interval '1 second');
        RETURN NEXT;
    END LOOP;
END $$;

-- Makes one message that a stored error stands for: sent, failed, or gone (its row is, or asks for no message any more).
-- The table's own triggers run with the caller's search_path, as in any update of the caller's.
CREATE FUNCTION subMsgRule_replay(failure SCHEMA_.subMsgRuleError, path text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule   SCHEMA_.subMsgRule;
    where_ text;
    flag   text;
    m      record;
    flags  record;
BEGIN
    SELECT * INTO STRICT rule FROM SCHEMA_.subMsgRule r WHERE r.id = failure.ruleId;
    rule := SCHEMA_.subMsgRule_now(rule);
    IF failure.rowKey IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the table has no key; update it by hand';
    END IF;
    SELECT string_agg(format('t.%I OPERATOR(pg_catalog.=) %L::%s', attname, value, format_type(atttypid, atttypmod)), ' AND ') INTO where_
    FROM jsonb_each_text(failure.rowKey) JOIN pg_attribute ON attrelid = rule.tableName AND attname = key::name AND NOT attisdropped
    HAVING count(*) = (SELECT count(*) FROM jsonb_object_keys(failure.rowKey));
    IF where_ IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the key of the table is another now';
    END IF;
    IF NOT rule.plan ? 'flag' THEN
        EXECUTE format('SELECT m.* FROM %s AS t, LATERAL SCHEMA_.subMsgRule_read($1, t) AS m WHERE %s', rule.tableName, where_) INTO m USING rule;
        IF m.fits IS NOT TRUE THEN
            RETURN 'gone';
        ELSIF m.problem IS NOT NULL THEN
            RAISE EXCEPTION '%', m.problem;
        END IF;
        INSERT INTO SCHEMA_.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
        VALUES (m.openid, rule.templateId, m.params, coalesce(m.sendAfter, now()), m.expireTime, m.page, m.dedupKey) ON CONFLICT (dedupKey) DO NOTHING;
        RETURN 'sent';
    END IF;
    flag := quote_ident(rule.columnNames[array_position(rule.columnLabels, (rule.plan->>'flag')::smallint)]);
    where_ := format('UPDATE %s AS t SET %2$s = true WHERE %3$s AND t.%2$s RETURNING t.%2$s AS kept', rule.tableName, flag, where_);
    PERFORM set_config('search_path', path, true);
    EXECUTE where_ INTO flags;
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    RETURN CASE WHEN flags.kept THEN 'failed' WHEN flags.kept IS NULL THEN 'gone' ELSE 'sent' END; -- if kept, the error is there anew
END $$;

CREATE FUNCTION submsg_replay(name text DEFAULT NULL) RETURNS TABLE (rule text, sent bigint, failed bigint, gone bigint, error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    path    text := pg_catalog.current_setting('search_path');
    failure SCHEMA_.subMsgRuleError;
    r       record;
    became  text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR r IN SELECT x.id, x.name FROM SCHEMA_.subMsgRule x WHERE submsg_replay.name IS NULL OR x.name = submsg_replay.name ORDER BY x.name LOOP
        rule := r.name; sent := 0; failed := 0; gone := 0; error := NULL;
        FOR failure IN SELECT * FROM SCHEMA_.subMsgRuleError e WHERE e.ruleId = r.id ORDER BY e.id LOOP
            BEGIN
                DELETE FROM SCHEMA_.subMsgRuleError e WHERE e.id = failure.id;
                CONTINUE WHEN NOT FOUND; -- another replay was faster
                became := SCHEMA_.subMsgRule_replay(failure, path);
            EXCEPTION WHEN OTHERS THEN
                IF SQLSTATE = '40001' THEN
                    RAISE;
                END IF;
                became := 'failed';
                error := coalesce(error, SQLERRM);
            END;
            sent := sent + (became = 'sent')::int; failed := failed + (became = 'failed')::int; gone := gone + (became = 'gone')::int;
            IF became = 'failed' THEN
                error := coalesce(error, (SELECT e.error FROM SCHEMA_.subMsgRuleError e WHERE e.ruleId = r.id ORDER BY e.id DESC LIMIT 1));
            END IF;
        END LOOP;
        IF sent + failed + gone > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', path, true);
END $$

$sql$, 'NAMESPACE_', pg_catalog.quote_literal(pg_catalog.quote_ident(pg_catalog.current_schema()::text))), 'SCHEMA_', pg_catalog.quote_ident(pg_catalog.current_schema()::text)); END $do$;

DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND (proname LIKE 'submsgrule\_%' OR proname IN ('submsg_rules', 'submsg_test', 'submsg_replay')) LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;
