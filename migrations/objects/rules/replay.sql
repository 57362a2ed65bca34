-- submsg_replay() makes the messages that are missing since a rule was broken, from the errors that are stored. Administrators
-- call it from any SQL client, and `submsg rules replay` does. It runs with the rights of whoever calls it.

-- subMsgRule_replay makes the message that one stored error stands for, and returns what became of it: sent, failed, or gone
-- (its row is gone, or asks for no message any more). A row with a flag is updated, which fires its rules anew; the table's own
-- triggers run with the caller's search_path then, as in any update of the caller's.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_replay(failure SUBMSG_SCHEMA.subMsgRuleError, path text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule      SUBMSG_SCHEMA.subMsgRule;
    condition text; -- finds the row t by its key
    flag      text;
    statement text;
    m         record;
    updated   record;
BEGIN
    SELECT * INTO STRICT rule FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.id = failure.ruleId;
    rule := SUBMSG_SCHEMA.subMsgRule_current(rule);
    IF failure.rowKey IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the table has no key; update it by hand';
    END IF;
    SELECT string_agg(format('t.%I OPERATOR(pg_catalog.=) %L::%s', attname, value, format_type(atttypid, atttypmod)), ' AND ')
    INTO condition
    FROM jsonb_each_text(failure.rowKey)
        JOIN pg_attribute ON attrelid = rule.tableName AND attname = key::name AND NOT attisdropped
    HAVING count(*) = (SELECT count(*) FROM jsonb_object_keys(failure.rowKey));
    IF condition IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the key of the table is another now';
    END IF;
    IF NOT rule.plan ? 'flag' THEN
        EXECUTE format('SELECT m.* FROM %s AS t, LATERAL SUBMSG_SCHEMA.subMsgRule_preview($1, t) AS m WHERE %s', rule.tableName, condition)
            INTO m USING rule;
        IF m.fits IS NOT TRUE THEN
            RETURN 'gone';
        ELSIF m.problem IS NOT NULL THEN
            RAISE EXCEPTION '%', m.problem;
        END IF;
        INSERT INTO SUBMSG_SCHEMA.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
        VALUES (m.openid, rule.templateId, m.params, coalesce(m.sendAfter, now()), m.expireTime, m.page, m.dedupKey)
        ON CONFLICT (dedupKey) DO NOTHING;
        RETURN 'sent';
    END IF;
    flag := quote_ident(SUBMSG_SCHEMA.subMsgRule_column_name(rule, rule.plan->>'flag'));
    statement := format('UPDATE %s AS t SET %2$s = true WHERE %3$s AND t.%2$s RETURNING t.%2$s AS flag_is_set',
        rule.tableName, flag, condition);
    PERFORM set_config('search_path', path, true);
    EXECUTE statement INTO updated;
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    RETURN CASE
        WHEN updated.flag_is_set THEN 'failed' -- and the error is stored anew
        WHEN updated.flag_is_set IS NULL THEN 'gone'
        ELSE 'sent' END;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_replay FROM PUBLIC;

-- submsg_replay replays the errors of one rule, or of all, and returns a line for each rule that had any. It has no SET
-- search_path of its own, because it has to hand on the caller's: it pins the path by itself.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_replay(name text DEFAULT NULL)
RETURNS TABLE (rule text, sent bigint, failed bigint, gone bigint, error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    callers_path text := pg_catalog.current_setting('search_path');
    failure      SUBMSG_SCHEMA.subMsgRuleError;
    r            record;
    became       text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR r IN
        SELECT x.id, x.name FROM SUBMSG_SCHEMA.subMsgRule x
        WHERE submsg_replay.name IS NULL OR x.name = submsg_replay.name ORDER BY x.name
    LOOP
        rule := r.name;
        sent := 0;
        failed := 0;
        gone := 0;
        error := NULL;
        FOR failure IN SELECT * FROM SUBMSG_SCHEMA.subMsgRuleError e WHERE e.ruleId = r.id ORDER BY e.id LOOP
            BEGIN
                DELETE FROM SUBMSG_SCHEMA.subMsgRuleError e WHERE e.id = failure.id;
                CONTINUE WHEN NOT FOUND; -- another replay was faster
                became := SUBMSG_SCHEMA.subMsgRule_replay(failure, callers_path);
            EXCEPTION WHEN OTHERS THEN
                IF SQLSTATE = '40001' THEN
                    RAISE;
                END IF;
                became := 'failed';
                error := coalesce(error, SQLERRM);
            END;
            sent := sent + (became = 'sent')::int;
            failed := failed + (became = 'failed')::int;
            gone := gone + (became = 'gone')::int;
            IF became = 'failed' THEN
                error := coalesce(error, (
                    SELECT e.error FROM SUBMSG_SCHEMA.subMsgRuleError e WHERE e.ruleId = r.id ORDER BY e.id DESC LIMIT 1));
            END IF;
        END LOOP;
        IF sent + failed + gone > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', callers_path, true);
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.submsg_replay FROM PUBLIC;
