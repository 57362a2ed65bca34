-- The triggers of business tables: subMsgRule_set_triggers() makes them of the rules of a table, so that an update that fires
-- nothing calls no function. submsg_watch() calls it, and the trigger of subMsgRule at the end of this file when a rule is
-- removed.
--
-- A business table has up to four of them: "~submsg" (BEFORE UPDATE), "~submsg_touch" (AFTER INSERT, for rules with a flag),
-- "~submsg_insert" and "~submsg_delete". They call subMsgRule_fire() and subMsgRule_touch() (fire.sql).

-- subMsgRule_changes_condition returns the condition of a WHEN clause that is true if one of the columns changes. A generated
-- column isn't computed yet there, so the columns that it is generated from are compared.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_changes_condition(target regclass, numbers smallint[]) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    WITH used AS (
        SELECT attnum FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) AND attgenerated = ''
        UNION
        SELECT refobjsubid
        FROM pg_attrdef d JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attgenerated <> ''
            JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = d.oid
                AND refclassid = 'pg_class'::regclass AND refobjid = target AND refobjsubid > 0
        WHERE adrelid = target AND adnum = ANY (numbers) AND refobjsubid <> adnum
    )
    SELECT string_agg(SUBMSG_SCHEMA.subMsgRule_changed_sql(target, attnum::smallint, 'OLD', 'NEW'), ' OR ' ORDER BY attnum) FROM used
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_changes_condition FROM PUBLIC;

-- subMsgRule_fits_condition returns the condition of a WHEN clause that is true if a row (version is NEW or OLD) has the values
-- that the rule asks for. It is evaluated under the settings of whoever updates, so it tests columns whose text doesn't depend on
-- any: texts, integers, booleans, enums. The others, and generated columns, are left to the function that the trigger calls.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_fits_condition(rule SUBMSG_SCHEMA.subMsgRule, version text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT coalesce(string_agg(format(CASE typtype
            WHEN 'e' THEN 'concat(%s.%I) = ANY (%L::text[])'
            ELSE '%s.%I::text = ANY (%L::text[])' END,
        version, attname, wanted), ' AND ' ORDER BY label), 'true')
    FROM SUBMSG_SCHEMA.subMsgRule_conditions(rule.plan)
        JOIN pg_attribute ON attrelid = rule.tableName AND attgenerated = ''
            AND attnum = SUBMSG_SCHEMA.subMsgRule_column_number(rule, label)
        JOIN pg_type ON pg_type.oid = atttypid AND (typtype = 'e'
            OR atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'boolean'::regtype,
                'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'uuid'::regtype))
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_fits_condition FROM PUBLIC;

-- subMsgRule_any_condition joins conditions by OR; NULL if there are none.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_any_condition(conditions text[]) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT string_agg(DISTINCT '(' || c || ')', ' OR ') FROM unnest(conditions) AS c
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_any_condition FROM PUBLIC;

-- subMsgRule_set_trigger makes one trigger of a table with this condition, or drops it where the condition is NULL. Whoever
-- doesn't own the table can't drop it, and makes it one that never fires instead.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_set_trigger(
    target regclass, trigger_ text, event text, level text, condition text, function text
) RETURNS void
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
DECLARE
    present oid; -- the function that the trigger calls now, if there is such a trigger
BEGIN
    SELECT tgfoid INTO present FROM pg_trigger WHERE tgrelid = target AND tgname = trigger_;
    IF present <> ALL (ARRAY[
        'SUBMSG_SCHEMA.subMsgRule_fire()'::regprocedure, 'SUBMSG_SCHEMA.subMsgRule_touch()'::regprocedure])
    THEN
        RAISE EXCEPTION '% has a trigger % that isn''t submsg''s', target, quote_ident(trigger_)
            USING ERRCODE = 'duplicate_object', HINT = 'Rename it.';
    ELSIF condition IS NULL AND present IS NULL THEN
        RETURN;
    ELSIF condition IS NULL AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = target) THEN
        EXECUTE format('DROP TRIGGER %I ON %s', trigger_, target);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON %s %s WHEN (%s) EXECUTE FUNCTION %s.%s()',
            trigger_, event, target, level, coalesce(condition, 'false'), 'SUBMSG_SCHEMA'::regnamespace, function);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_set_trigger FROM PUBLIC;

-- subMsgRule_set_triggers makes the triggers of a table as its rules need them.
--
-- Their names begin with ~, which sorts after all letters: they run after the table's own BEFORE triggers, and the message says
-- what is stored. Partitioned tables have triggers by statement for INSERT and DELETE, for which a row that moves from one
-- partition to another is neither inserted nor deleted.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_set_triggers(target regclass) RETURNS void
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
DECLARE
    rule        SUBMSG_SCHEMA.subMsgRule;
    partitioned boolean;
    flag_is_set text;
    watched     smallint[];
    updates     text[] := '{}'; -- conditions of the four triggers
    touches     text[] := '{}';
    inserts     text[] := '{}';
    deletes     text[] := '{}';
    later       text;
BEGIN
    SELECT relkind = 'p' INTO partitioned FROM pg_class WHERE oid = target;
    IF NOT FOUND THEN
        RETURN;
    ELSIF NOT has_table_privilege(target, 'TRIGGER') THEN
        RAISE WARNING 'submsg: % may not change the triggers of %; they stay, and do nothing without a rule', current_user, target;
        RETURN;
    END IF;
    FOR rule IN SELECT * FROM SUBMSG_SCHEMA.subMsgRule WHERE tableName = target ORDER BY id LOOP
        BEGIN
            rule := SUBMSG_SCHEMA.subMsgRule_current(rule);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % of % is broken: %', quote_ident(rule.name), target, SQLERRM;
            CONTINUE;
        END;
        flag_is_set := 'NEW.' || quote_ident(SUBMSG_SCHEMA.subMsgRule_column_name(rule, rule.plan->>'flag')) || ' IS TRUE';
        -- The columns whose change makes a message (without a flag), or calls a held one off.
        watched := ARRAY(SELECT SUBMSG_SCHEMA.subMsgRule_column_number(rule, label) FROM (
            SELECT rule.plan->>'whenColumn' WHERE NOT rule.plan ? 'flag' OR rule.plan ? 'hold'
            UNION SELECT f->>'column' FROM jsonb_array_elements(rule.plan->'filter') AS f WHERE rule.plan ? 'hold') AS w (label)
            WHERE label IS NOT NULL);
        updates := updates || flag_is_set || SUBMSG_SCHEMA.subMsgRule_changes_condition(target, watched);
        IF rule.plan ? 'onInsert' THEN
            touches := touches || flag_is_set;
            inserts := inserts || CASE
                WHEN flag_is_set IS NOT NULL THEN NULL
                WHEN partitioned THEN 'true'
                ELSE SUBMSG_SCHEMA.subMsgRule_fits_condition(rule, 'NEW') END;
        END IF;
        IF rule.plan ? 'hold' THEN
            deletes := deletes || CASE WHEN partitioned THEN 'true' ELSE SUBMSG_SCHEMA.subMsgRule_fits_condition(rule, 'OLD') END;
        END IF;
    END LOOP;
    PERFORM SUBMSG_SCHEMA.subMsgRule_set_trigger(target, '~submsg', 'BEFORE UPDATE', 'FOR EACH ROW',
        SUBMSG_SCHEMA.subMsgRule_any_condition(updates), 'subMsgRule_fire');
    PERFORM SUBMSG_SCHEMA.subMsgRule_set_trigger(target, '~submsg_touch', 'AFTER INSERT', 'FOR EACH ROW',
        SUBMSG_SCHEMA.subMsgRule_any_condition(touches), 'subMsgRule_touch');
    PERFORM SUBMSG_SCHEMA.subMsgRule_set_trigger(target, '~submsg_insert', 'AFTER INSERT',
        CASE WHEN partitioned THEN 'REFERENCING NEW TABLE AS submsg_rows FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        SUBMSG_SCHEMA.subMsgRule_any_condition(inserts), 'subMsgRule_fire');
    PERFORM SUBMSG_SCHEMA.subMsgRule_set_trigger(target, '~submsg_delete', 'AFTER DELETE',
        CASE WHEN partitioned THEN 'REFERENCING OLD TABLE AS submsg_rows FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        SUBMSG_SCHEMA.subMsgRule_any_condition(deletes), 'subMsgRule_fire');
    SELECT string_agg('trigger ' || quote_ident(tgname), ', ') INTO later
    FROM pg_trigger
    WHERE tgrelid = target AND NOT tgisinternal AND tgtype & 19 = 19 -- 19: BEFORE UPDATE, FOR EACH ROW
        AND tgname > '~submsg' AND tgname NOT LIKE '~submsg%';
    IF later IS NOT NULL THEN
        RAISE WARNING 'submsg: % of % runs after submsg: what it changes, or calls off, is not in the messages', later, target;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_set_triggers FROM PUBLIC;

-- subMsgRule_removed takes the triggers away that only a removed rule needed, with the rights of whoever removes it.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_removed() RETURNS trigger
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
BEGIN
    PERFORM SUBMSG_SCHEMA.subMsgRule_set_triggers(OLD.tableName);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_removed FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgRule_removed AFTER DELETE ON SUBMSG_SCHEMA.subMsgRule FOR EACH ROW
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_removed();

-- A migration that was cut off may have dropped the functions, and the triggers of business tables with them, and left the rules.
SELECT SUBMSG_SCHEMA.subMsgRule_set_triggers(tableName) FROM SUBMSG_SCHEMA.subMsgRule r
WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = tableName AND tgname = '~submsg') GROUP BY tableName;
