-- What the triggers of business tables call: subMsgRule_fire() applies the rules (make.sql makes the messages). (touch.sql lets rows
-- that are inserted with their flag set make them, too.) The triggers themselves are made by subMsgRule_set_triggers() (triggers.sql).
--
-- Nothing here may make the business statement fail, or wait for long: what goes wrong is stored (errors.sql), tables are
-- locked with NOWAIT, rows with SKIP LOCKED. Two things are passed on, for only the application can mend them: a serialization
-- failure under SERIALIZABLE, and a statement that is cancelled.

-- subMsgRule_units returns the rules that may fire, of a table or of those that it is a partition of. A unit is one rule without
-- a flag, or all rules with the same flag: these stand or fall together, and the flag stays set until all of their messages can
-- be made. NULL, and a warning, if the rules can't be read.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_units(targets oid[], op text) RETURNS text[]
LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE SUBMSG_SCHEMA.subMsgRule, SUBMSG_SCHEMA.subMsgTemplate IN ACCESS SHARE MODE NOWAIT;
    RETURN ARRAY(
        SELECT coalesce(r.plan->>'flag', 'rule ' || r.id) FROM SUBMSG_SCHEMA.subMsgRule r
        WHERE r.tableName = ANY (targets) AND CASE op
            WHEN 'UPDATE' THEN true
            WHEN 'INSERT' THEN r.plan ? 'onInsert' AND NOT r.plan ? 'flag'
            ELSE r.plan ? 'hold' END
        GROUP BY 1 ORDER BY min(r.id));
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE = '40001' THEN
        RAISE;
    END IF;
    PERFORM SUBMSG_SCHEMA.subMsgRule_warn(format('the rules on %s can''t be read: %s', targets[1]::regclass, SQLERRM));
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_units FROM PUBLIC;

-- subMsgRule_fire is the function of the triggers "~submsg", "~submsg_insert" and "~submsg_delete".
--
-- It runs with its owner's rights (SECURITY DEFINER), so that whoever may change the business table needs no right on ours.
-- Therefore it and all that it calls must run no code of others: only pg_catalog is searched (with our schema on the path,
-- whoever may CREATE there could add an overload that fits better than the built-in one: format(text, text), an operator
-- regclass = oid), our own objects are named with their schema, and no foreign cast is run (values.sql). A function of ours gets
-- arguments of just the types that it is declared with, or an overload would fit better than it; so none takes a row, whose
-- type is anybody's. The functions of this file, and of make.sql, errors.sql and hold.sql, have no settings of their own: nobody but
-- their owner may call them, and here they run under this function's.
--
-- It waits 50 ms at most, for an open transaction with the same dedupKey, and for no lock on a table or row.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_fire() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SUBMSG_SETTINGS SET lock_timeout = '50ms' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    targets  oid[] := TG_RELID || ARRAY(
        SELECT a.relid::oid FROM pg_partition_ancestors(TG_RELID) AS a WHERE a.relid <> TG_RELID);
    units    text[] := SUBMSG_SCHEMA.subMsgRule_units(targets, TG_OP);
    unit     text;
    rows     refcursor; -- of a trigger by statement
    one      record;
    was      record;
    changed  record;
    rule     record;
    rule_id  bigint; -- the rule that an error is of
    m        SUBMSG_SCHEMA.subMsgRuleReading;
    flag     text;
    problem  text;
    row_key  jsonb;
    row_data jsonb;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        was := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
        changed := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    ELSIF EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgname = TG_NAME AND 'submsg_rows' IN (tgnewtable, tgoldtable))
    THEN
        OPEN rows FOR EXECUTE format('SELECT ROW (r.*)::%s AS is FROM submsg_rows AS r', TG_RELID::regclass);
    ELSE
        RETURN NULL; -- not a trigger that subMsgRule_set_triggers() made: submsg_rows would be a table, or view, of whoever updates
    END IF;
    LOOP
        IF TG_LEVEL = 'STATEMENT' THEN
            FETCH rows INTO one;
            EXIT WHEN NOT FOUND;
            was := one.is;
            changed := one.is;
        END IF;
        FOREACH unit IN ARRAY coalesce(units, '{}') LOOP
            flag := NULL;
            rule_id := 0;
            BEGIN
                FOR rule IN
                    SELECT r.id, r.query, r.templateId, r.plan,
                        r.columnNames[array_position(r.columnLabels, (r.plan->>'flag')::smallint)] AS flag,
                        r.columnSeen = ARRAY( -- as in subMsgRule_column_versions(), whose call would cost more than the rest
                            SELECT concat(a.attname, ' ', a.xmin) FROM pg_attribute a
                            WHERE a.attrelid = r.tableName AND a.attnum = ANY (r.columnsRead) ORDER BY a.attnum) AS fresh,
                        EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate) AND NOT EXISTS (
                            SELECT FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name)) AS gone
                    FROM SUBMSG_SCHEMA.subMsgRule r
                    WHERE r.tableName = ANY (targets) AND coalesce(r.plan->>'flag', 'rule ' || r.id) = unit ORDER BY r.id
                LOOP
                    rule_id := rule.id;
                    IF NOT rule.fresh THEN
                        SELECT w.query, w.flag INTO rule.query, rule.flag FROM SUBMSG_SCHEMA.subMsgRule_renew(rule_id) AS w;
                    END IF;
                    EXECUTE rule.query INTO m USING changed, was, rule.plan;
                    IF SUBMSG_SCHEMA.subMsgRule_make(rule_id, rule.templateId, rule.plan, rule.gone, TG_OP, m) THEN
                        flag := rule.flag;
                    END IF;
                END LOOP;
                IF flag IS NOT NULL THEN
                    NEW := jsonb_populate_record(NEW, jsonb_build_object(flag, false));
                END IF;
            EXCEPTION WHEN OTHERS THEN
                IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
                    RAISE; -- only the whole transaction, done again, can mend that
                END IF;
                problem := SQLERRM;
                BEGIN
                    EXECUTE SUBMSG_SCHEMA.subMsgRule_error_query(rule_id, TG_RELID, problem) INTO row_key, row_data USING changed;
                    PERFORM SUBMSG_SCHEMA.subMsgRule_store_error(rule_id, problem, row_key, row_data);
                EXCEPTION WHEN OTHERS THEN
                    IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
                        RAISE;
                    END IF;
                    PERFORM SUBMSG_SCHEMA.subMsgRule_warn('and the error could not be stored: ' || SQLERRM);
                END;
            END;
        END LOOP;
        EXIT WHEN TG_LEVEL = 'ROW';
    END LOOP;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_fire FROM PUBLIC;
