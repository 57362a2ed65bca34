-- What the triggers of business tables call: subMsgRule_fire() makes the messages. (touch.sql lets rows that are inserted with
-- their flag set make them, too.) The triggers themselves are made by subMsgRule_set_triggers() (triggers.sql).
--
-- Nothing here may make the business statement fail, or wait for long: what goes wrong is stored (errors.sql), tables are
-- locked with NOWAIT, rows with SKIP LOCKED. Two things are passed on, for only the application can mend them: a serialization
-- failure under SERIALIZABLE, and a statement that is cancelled.

-- subMsgRule_insert inserts a message and returns its id; NULL if there is one with this dedupKey.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_insert(
    openid text, templateId text, params text[], sendAfter timestamptz, expireTime timestamptz, page text, dedupKey text
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    message bigint;
BEGIN
    IF dedupKey IS NULL THEN
        INSERT INTO SUBMSG_SCHEMA.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page)
        VALUES (openid, templateId, params, sendAfter, expireTime, page) RETURNING id INTO message;
        RETURN message;
    END IF;
    BEGIN -- ON CONFLICT would be a serialization failure where a snapshot hides the other row
        INSERT INTO SUBMSG_SCHEMA.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
        VALUES (openid, templateId, params, sendAfter, expireTime, page, dedupKey) RETURNING id INTO message;
    EXCEPTION WHEN unique_violation THEN
        RETURN NULL;
    END;
    RETURN message;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_insert FROM PUBLIC;

-- subMsgRule_apply applies the rules of a table, or of those that it is a partition of, to one row, and returns the flags to
-- reset. A unit is one rule without a flag, or all rules with the same flag: these stand or fall together, and the flag stays
-- set until all of their messages can be made.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_apply(targets oid[], units text[], op text, was anyelement, changed anyelement)
RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    unit    text;
    rule    record;
    rule_id bigint; -- the rule that an error is of
    m       record; -- what the rule's query reads from the row
    due     timestamptz;
    message bigint;
    flag    text;
    flags   text[] := '{}';
BEGIN
    FOREACH unit IN ARRAY units LOOP
        flag := NULL;
        rule_id := NULL;
        BEGIN
            FOR rule IN
                SELECT r.id, r.query, r.templateId, r.plan, r.plan ? 'dedupKey' AS dedup,
                    (r.plan->>'hold')::float8 * interval '1 second' AS hold,
                    r.columnNames[array_position(r.columnLabels, (r.plan->>'flag')::smallint)] AS flag,
                    r.columnSeen = ARRAY( -- as in subMsgRule_column_versions(), whose call would cost more than the rest
                        SELECT concat(a.attname, ' ', a.xmin) FROM pg_attribute a
                        WHERE a.attrelid = r.tableName AND a.attnum = ANY (r.columnNumbers) ORDER BY a.attnum) AS fresh,
                    EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate)
                        AND NOT EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name)) AS gone
                FROM SUBMSG_SCHEMA.subMsgRule r
                WHERE r.tableName = ANY (targets) AND coalesce(r.plan->>'flag', 'rule ' || r.id) = unit ORDER BY r.id
            LOOP
                rule_id := rule.id;
                IF NOT rule.fresh THEN
                    SELECT w.query, w.flag INTO rule.query, rule.flag FROM SUBMSG_SCHEMA.subMsgRule_renew(rule_id) AS w;
                END IF;
                EXECUTE rule.query INTO m USING changed, was, rule.plan;
                IF m.fits AND (op = 'INSERT' OR op = 'UPDATE' AND m.changed AND m.flagged) THEN
                    IF rule.gone OR m.tooLong IS NOT NULL OR m.openid IS NULL OR array_position(m.params, NULL) IS NOT NULL
                        OR rule.dedup AND m.dedupKey IS NULL
                    THEN
                        RAISE EXCEPTION '%', SUBMSG_SCHEMA.subMsgRule_message_problem(
                                rule_id, m.tooLong, m.openid, m.params, m.dedupKey)
                            USING ERRCODE = 'data_exception';
                    END IF;
                    LOCK TABLE SUBMSG_SCHEMA.subMsgList, SUBMSG_SCHEMA.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
                    due := coalesce(m.sendAfter, now());
                    IF rule.hold IS NOT NULL THEN
                        due := greatest(due, clock_timestamp() + rule.hold);
                        PERFORM SUBMSG_SCHEMA.subMsgRule_cancel_held(rule_id, m.rowKey,
                            '已被同一条记录的新消息取代 (replaced by a newer message of the same rule and row)');
                    END IF;
                    message := SUBMSG_SCHEMA.subMsgRule_insert(m.openid, rule.templateId, m.params, due, m.expireTime, m.page, m.dedupKey);
                    IF rule.hold IS NOT NULL AND message IS NOT NULL THEN
                        PERFORM SUBMSG_SCHEMA.subMsgRule_store_held(rule_id, m.rowKey, message, due);
                    END IF;
                    flag := rule.flag;
                ELSIF rule.hold IS NOT NULL AND (op = 'DELETE' OR NOT m.fits) THEN
                    LOCK TABLE SUBMSG_SCHEMA.subMsgList, SUBMSG_SCHEMA.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
                    PERFORM SUBMSG_SCHEMA.subMsgRule_cancel_held(rule_id, m.rowKey,
                        '记录已离开该状态 (the row left the state before the message was due)');
                END IF;
            END LOOP;
            IF flag IS NOT NULL THEN
                flags := flags || flag;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
                RAISE; -- only the whole transaction, done again, can mend that
            END IF;
            PERFORM SUBMSG_SCHEMA.subMsgRule_store_error(coalesce(rule_id, 0), targets[1], changed, SQLERRM);
        END;
    END LOOP;
    RETURN flags;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_apply FROM PUBLIC;

-- subMsgRule_fire is the function of the triggers "~submsg", "~submsg_insert" and "~submsg_delete".
--
-- It runs with its owner's rights (SECURITY DEFINER), so that whoever may change the business table needs no right on ours.
-- Therefore it and all that it calls must run no code of others: only pg_catalog is searched (with our schema on the path,
-- whoever may CREATE there could add an overload that fits better than the built-in one: format(text, text), an operator
-- regclass = oid), our own objects are named with their schema, and no foreign cast is run (values.sql). The functions of this
-- file, and of errors.sql and hold.sql, have no settings of their own: nobody but their owner may call them, and here they run
-- under this function's.
--
-- It waits 50 ms at most, for an open transaction with the same dedupKey, and for no lock on a table or row.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_fire() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SUBMSG_SETTINGS SET lock_timeout = '50ms' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    targets oid[] := TG_RELID || ARRAY(
        SELECT a.relid::oid FROM pg_partition_ancestors(TG_RELID) AS a WHERE a.relid <> TG_RELID);
    units   text[];
    changed record;
    flag    text;
BEGIN
    BEGIN
        LOCK TABLE SUBMSG_SCHEMA.subMsgRule, SUBMSG_SCHEMA.subMsgTemplate IN ACCESS SHARE MODE NOWAIT;
        units := ARRAY(
            SELECT coalesce(r.plan->>'flag', 'rule ' || r.id) FROM SUBMSG_SCHEMA.subMsgRule r
            WHERE r.tableName = ANY (targets) AND CASE TG_OP
                WHEN 'UPDATE' THEN true
                WHEN 'INSERT' THEN r.plan ? 'onInsert' AND NOT r.plan ? 'flag'
                ELSE r.plan ? 'hold' END
            GROUP BY 1 ORDER BY min(r.id));
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE = '40001' THEN
            RAISE;
        END IF;
        PERFORM SUBMSG_SCHEMA.subMsgRule_warn(format('the rules on %s can''t be read: %s', TG_RELID::regclass, SQLERRM));
        RETURN NEW;
    END;
    IF TG_LEVEL = 'STATEMENT' AND NOT EXISTS (SELECT FROM pg_trigger
        WHERE tgrelid = TG_RELID AND tgname = TG_NAME AND 'submsg_rows' IN (tgnewtable, tgoldtable))
    THEN
        RETURN NULL; -- not a trigger that subMsgRule_set_triggers() made: submsg_rows would be a table, or view, of whoever updates
    ELSIF TG_LEVEL = 'STATEMENT' THEN
        FOR changed IN EXECUTE format('SELECT ROW (r.*)::%s AS is FROM submsg_rows AS r', TG_RELID::regclass) LOOP
            PERFORM SUBMSG_SCHEMA.subMsgRule_apply(targets, units, TG_OP, changed.is, changed.is);
        END LOOP;
    ELSIF TG_OP = 'UPDATE' THEN
        FOREACH flag IN ARRAY SUBMSG_SCHEMA.subMsgRule_apply(targets, units, TG_OP, OLD, NEW) LOOP
            NEW := jsonb_populate_record(NEW, jsonb_build_object(flag, false));
        END LOOP;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM SUBMSG_SCHEMA.subMsgRule_apply(targets, units, TG_OP, NEW, NEW);
    ELSE
        PERFORM SUBMSG_SCHEMA.subMsgRule_apply(targets, units, TG_OP, OLD, OLD);
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_fire FROM PUBLIC;
