-- submsg_test() shows the messages that an update of a row would make; it changes nothing and sends nothing:
--
--   SELECT m.* FROM refunds r, submsg_test(r.tableoid, r.ctid) AS m WHERE r.id = 7;
--
-- Administrators call it from any SQL client, and `submsg rules test` does. It runs with the rights of whoever calls it. It takes
-- the place of a row, not the row: a function of a row is found by the row's type, and one that takes just that type would run
-- instead. tableoid and ctid are system columns of every table (PostgreSQL, 5.5).

-- subMsgRule_preview returns what a rule makes of the row in this place of its table or a partition, and why there would be no
-- message (problem). subMsgRule_replay() (replay.sql) calls it, too. It sees the row as the statement does that calls it.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_preview(
    rule SUBMSG_SCHEMA.subMsgRule, part oid, place tid, OUT fits boolean, OUT openid text, OUT params text[], OUT sendAfter timestamptz,
    OUT expireTime timestamptz, OUT dedupKey text, OUT page text, OUT rowKey jsonb, OUT problem text)
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    row_sql  text := format('SELECT t AS n, t AS o FROM %s AS t WHERE t.ctid = $1 AND t.tableoid = $2', rule.tableName);
    renewed  SUBMSG_SCHEMA.subMsgRule;
    c        record;
    too_long integer;
    value    text;
    refused  boolean;
BEGIN
    fits := true; -- until the query tells: a row that couldn't be read is a failure, not one that asks for no message
    EXECUTE format('SELECT %s FROM (%s OFFSET 0) AS r', coalesce(
            SUBMSG_SCHEMA.subMsgRule_object_sql(rule.tableName, SUBMSG_SCHEMA.subMsgRule_key(rule.tableName)), 'NULL::jsonb'), row_sql)
        INTO rowKey USING place, part;
    renewed := SUBMSG_SCHEMA.subMsgRule_current(rule);
    EXECUTE format('SELECT fits, tooLong, openid, params, sendAfter, expireTime, dedupKey, page FROM (%s) AS m',
            SUBMSG_SCHEMA.subMsgRule_query(renewed, row_sql))
        INTO fits, too_long, openid, params, sendAfter, expireTime, dedupKey, page USING place, part, rule.plan;
    FOR c IN
        SELECT SUBMSG_SCHEMA.subMsgRule_column_number(renewed, label) AS number,
            SUBMSG_SCHEMA.subMsgRule_column_name(renewed, label) AS name, wanted
        FROM SUBMSG_SCHEMA.subMsgRule_conditions(rule.plan)
    LOOP
        EXECUTE format('SELECT %s FROM (%s OFFSET 0) AS r', SUBMSG_SCHEMA.subMsgRule_value_text(
                rule.tableName, c.number, 'r.n', CASE WHEN rule.plan ? 'zone' THEN '$3' END), row_sql)
            INTO value USING place, part, rule.plan->>'zone';
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
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_test(part oid, place tid) RETURNS TABLE (
    rule text, template text, rowKey jsonb, openid text, params text[], sendAfter timestamptz, expireTime timestamptz,
    dedupKey text, page text, problem text)
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
#variable_conflict use_column
DECLARE
    r SUBMSG_SCHEMA.subMsgRule;
    m record;
BEGIN
    FOR r IN
        SELECT * FROM SUBMSG_SCHEMA.subMsgRule x
        WHERE x.tableName = part OR x.tableName IN (SELECT relid FROM pg_partition_ancestors(part)) ORDER BY x.id
    LOOP
        m := SUBMSG_SCHEMA.subMsgRule_preview(r, part, place);
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
