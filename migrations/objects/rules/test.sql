-- submsg_test() shows the messages that an update of a row would make; it changes nothing and sends nothing:
--
--   SELECT m.* FROM refunds r, submsg_test(r) AS m WHERE r.id = 7;
--
-- Administrators call it from any SQL client, and `submsg rules test` does. It runs with the rights of whoever calls it.

-- subMsgRule_preview returns what a rule makes of a row, and why there would be no message (problem). subMsgRule_replay()
-- (replay.sql) calls it, too.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_preview(
    rule SUBMSG_SCHEMA.subMsgRule, given anyelement, OUT fits boolean, OUT openid text, OUT params text[], OUT sendAfter timestamptz,
    OUT expireTime timestamptz, OUT dedupKey text, OUT page text, OUT rowKey jsonb, OUT problem text)
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    renewed  SUBMSG_SCHEMA.subMsgRule;
    c        record;
    too_long integer;
    value    text;
    refused  boolean;
BEGIN
    fits := true; -- until the query tells: a row that couldn't be read is a failure, not one that asks for no message
    EXECUTE format('SELECT %s FROM (SELECT $1 AS n OFFSET 0) AS r', coalesce(
            SUBMSG_SCHEMA.subMsgRule_object_sql(rule.tableName, SUBMSG_SCHEMA.subMsgRule_key(rule.tableName)), 'NULL::jsonb'))
        INTO rowKey USING given;
    renewed := SUBMSG_SCHEMA.subMsgRule_current(rule);
    EXECUTE format('SELECT fits, tooLong, openid, params, sendAfter, expireTime, dedupKey, page FROM (%s) AS m', renewed.query)
        INTO fits, too_long, openid, params, sendAfter, expireTime, dedupKey, page USING given, given, rule.plan;
    FOR c IN
        SELECT SUBMSG_SCHEMA.subMsgRule_column_number(renewed, label) AS number,
            SUBMSG_SCHEMA.subMsgRule_column_name(renewed, label) AS name, wanted
        FROM SUBMSG_SCHEMA.subMsgRule_conditions(rule.plan)
    LOOP
        EXECUTE format('SELECT %s FROM (SELECT $1 AS n OFFSET 0) AS r', SUBMSG_SCHEMA.subMsgRule_value_text(
                rule.tableName, c.number, 'r.n', CASE WHEN rule.plan ? 'zone' THEN '$2' END))
            INTO value USING given, rule.plan->>'zone';
        IF (value = ANY (c.wanted)) IS NOT TRUE THEN
            problem := format('it does not fire: column %I is %s, the rule wants %s',
                c.name, coalesce(quote_literal(left(value, 100)), 'NULL'),
                (SELECT string_agg(quote_literal(v), ' or ') FROM unnest(c.wanted) AS v));
            RETURN;
        END IF;
    END LOOP;
    problem := SUBMSG_SCHEMA.subMsgRule_message_problem(rule.id, too_long, openid, params, dedupKey);
    FOR c IN -- the CHECKs of subMsgList that look at nothing but what the rule gives
        SELECT conname, pg_get_expr(conbin, conrelid) AS condition FROM pg_constraint
        WHERE conrelid = 'SUBMSG_SCHEMA.subMsgList'::regclass AND contype = 'c' AND problem IS NULL
            AND conkey <@ ARRAY(SELECT attnum FROM pg_attribute
                WHERE attrelid = conrelid AND attname IN ('openid', 'templateid', 'parameterarr', 'page', 'dedupkey'))
    LOOP
        EXECUTE format('SELECT (%s) IS FALSE FROM (SELECT $1, $2, $3, $4, $5) AS l (openid, templateid, parameterarr, page, dedupkey)',
            c.condition) INTO refused USING openid, rule.templateId, params, page, dedupKey;
        IF refused THEN
            problem := replace(c.conname, '_', ' ');
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    problem := SQLERRM;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_preview FROM PUBLIC;

-- submsg_test returns one line for each rule of the row's table, or of the table that this is a partition of.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_test(given anyelement) RETURNS TABLE (
    rule text, template text, rowKey jsonb, openid text, params text[], sendAfter timestamptz, expireTime timestamptz,
    dedupKey text, page text, problem text)
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
#variable_conflict use_column
DECLARE
    target oid := (SELECT typrelid FROM pg_type WHERE pg_type.oid = pg_typeof(given)::oid);
    r      SUBMSG_SCHEMA.subMsgRule;
    m      record;
BEGIN
    FOR r IN
        SELECT * FROM SUBMSG_SCHEMA.subMsgRule x
        WHERE x.tableName = target OR x.tableName IN (SELECT relid FROM pg_partition_ancestors(target)) ORDER BY x.id
    LOOP
        m := SUBMSG_SCHEMA.subMsgRule_preview(r, given);
        rule := r.name;
        template := r.templateId;
        rowKey := m.rowKey;
        openid := m.openid;
        params := array_replace(m.params, NULL, '');
        sendAfter := greatest(coalesce(m.sendAfter, now()), now() + (r.plan->>'hold')::float8 * interval '1 second');
        expireTime := m.expireTime;
        dedupKey := m.dedupKey;
        page := m.page;
        problem := m.problem;
        RETURN NEXT;
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.submsg_test FROM PUBLIC;
