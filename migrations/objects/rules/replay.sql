-- submsg_replay() makes the messages that are missing since a rule was broken, from the errors that are stored. Administrators
-- call it from any SQL client, and `submsg rules replay` does. It runs with the rights of whoever calls it, and runs no code that
-- would gain by them: foreign_code.sql says what that is.

-- subMsgRule_replay makes the message that one stored error stands for, and returns what became of it: sent, failed, or gone
-- (its row is gone, or asks for no message any more). A row with a flag is to be updated, which fires its rules anew: then the
-- function returns the statement, and the row's key for it.
--
-- The row is sought by the types that the key's columns are of in the end: a domain's CHECK doesn't run, nor a cast of others.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_replay(
    failure SUBMSG_SCHEMA.subMsgRuleError, OUT became text, OUT statement text, OUT key text[])
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
DECLARE
    rule      SUBMSG_SCHEMA.subMsgRule;
    whole     boolean;
    condition text; -- finds the row t by its key
    problem   text;
    flag      text;
    m         record;
BEGIN
    SELECT * INTO STRICT rule FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.id = failure.ruleId;
    rule := SUBMSG_SCHEMA.subMsgRule_current(rule);
    flag := quote_ident(SUBMSG_SCHEMA.subMsgRule_column_name(rule, rule.plan->>'flag'));
    IF flag IS NOT NULL THEN -- nobody gives the table another trigger, constraint or index between the check and the update
        EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', rule.tableName);
    END IF;
    problem := SUBMSG_SCHEMA.subMsgRule_foreign_code(rule.tableName, flag);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = 'insufficient_privilege';
    ELSIF failure.rowKey IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the table has no key; update it by hand';
    END IF;
    SELECT relkind = 'p' INTO STRICT whole FROM pg_class WHERE oid = rule.tableName;
    SELECT string_agg(format(CASE WHEN b.typtype = 'e'
            THEN 'pg_catalog.concat(t.%I) OPERATOR(pg_catalog.=) $1[%s]'
            ELSE '(t.%I)::pg_catalog.%3$I OPERATOR(pg_catalog.=) ($1[%2$s])::pg_catalog.%3$I' END, attname, n, b.typname), ' AND '),
        array_agg(value ORDER BY n)
    INTO condition, key
    FROM jsonb_each_text(failure.rowKey) WITH ORDINALITY AS k (name, value, n)
        JOIN pg_attribute ON attrelid = rule.tableName AND attname = k.name::name AND NOT attisdropped
        JOIN pg_type b ON b.oid = SUBMSG_SCHEMA.subMsgRule_base_type(atttypid)
            AND (b.typtype = 'e' OR b.typnamespace = 'pg_catalog'::regnamespace)
    HAVING count(*) = (SELECT count(*) FROM jsonb_object_keys(failure.rowKey));
    IF condition IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the key of the table is another now, or of a type that isn''t built in';
    ELSIF flag IS NOT NULL THEN
        statement := format('UPDATE %s %s AS t SET %3$s = true WHERE %4$s AND t.%3$s RETURNING t.%3$s',
            CASE WHEN NOT whole THEN 'ONLY' END, rule.tableName, flag, condition);
        RETURN;
    END IF;
    EXECUTE format('SELECT m.* FROM %s %s AS t, LATERAL SUBMSG_SCHEMA.subMsgRule_preview($2, t.tableoid, t.ctid) AS m WHERE %s',
            CASE WHEN NOT whole THEN 'ONLY' END, rule.tableName, condition)
        INTO m USING key, rule;
    IF m.fits IS NOT TRUE THEN
        became := 'gone';
        RETURN;
    ELSIF m.problem IS NOT NULL THEN
        RAISE EXCEPTION '%', m.problem;
    END IF;
    INSERT INTO SUBMSG_SCHEMA.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
    VALUES (m.openid, rule.templateId, m.params, coalesce(m.sendAfter, now()), m.expireTime, m.page, m.dedupKey)
    ON CONFLICT (dedupKey) WHERE dedupKey IS NOT NULL DO NOTHING;
    became := 'sent';
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_replay FROM PUBLIC;

-- submsg_replay replays the errors of one rule, or of all, and returns a line for each rule that had any. It has no settings of
-- its own, because the triggers of a table that it updates shall run under the caller's, as in any update: what it does itself
-- pins the search_path, and subMsgRule_replay() has made the statement, which holds names, operators and parameters only.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_replay(name text DEFAULT NULL)
RETURNS TABLE (rule text, sent bigint, failed bigint, gone bigint, error text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
    failure      SUBMSG_SCHEMA.subMsgRuleError;
    r            record;
    made         record;
    became       pg_catalog.text;
    flag_is_set  pg_catalog.bool;
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
                SELECT * INTO made FROM SUBMSG_SCHEMA.subMsgRule_replay(failure);
                became := made.became;
                IF made.statement IS NOT NULL THEN
                    PERFORM set_config('search_path', callers_path, true);
                    EXECUTE made.statement INTO flag_is_set USING made.key;
                    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
                    became := CASE flag_is_set
                        WHEN true THEN 'failed' -- and the error is stored anew
                        WHEN false THEN 'sent'
                        ELSE 'gone' END;
                END IF;
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
