-- A rule follows its table: subMsgRule_current() finds its columns again after they were renamed, or after the database was
-- restored from a dump, and writes its query anew. Whoever uses a rule calls it: check.sql, triggers.sql, fire.sql, list.sql,
-- test.sql and replay.sql.
--
-- The plan names columns by labels, which never change (they are the columns' numbers when the rule was defined). What a label
-- stands for now is in three arrays of the rule, side by side: columnLabels, columnNames and columnNumbers.

-- subMsgRule_column_name returns the name of the column that a plan calls by this label. NULL for NULL.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_column_name(rule SUBMSG_SCHEMA.subMsgRule, label text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT rule.columnNames[array_position(rule.columnLabels, label::smallint)]
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_column_name FROM PUBLIC;

-- subMsgRule_column_number returns its number.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_column_number(rule SUBMSG_SCHEMA.subMsgRule, label text) RETURNS smallint
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT rule.columnNumbers[array_position(rule.columnLabels, label::smallint)]
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_column_number FROM PUBLIC;

-- subMsgRule_table_identity tells of which cluster, database and table column numbers are: those of a restored table may
-- differ. (Some hosts keep the cluster's identifier to themselves; it is 0 there.)
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_table_identity(target regclass) RETURNS text
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    cluster bigint;
BEGIN
    IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO cluster FROM pg_control_system();
    END IF;
    RETURN concat_ws('/', coalesce(cluster, 0), (SELECT oid FROM pg_database WHERE datname = current_database()), target::oid);
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_table_identity FROM PUBLIC;

-- subMsgRule_column_versions returns the names of columns and the versions of their rows in the catalogue. When these differ
-- from what the rule has in columnSeen, somebody has altered the columns, and the query must be written anew.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_column_versions(target regclass, numbers smallint[]) RETURNS text[]
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT ARRAY(SELECT concat(attname, ' ', xmin) FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) ORDER BY attnum)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_column_versions FROM PUBLIC;

-- subMsgRule_columns_read returns columns, and those that generated ones among them are made of: the query has the names of these,
-- too.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_columns_read(target regclass, numbers smallint[]) RETURNS smallint[]
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT ARRAY(
        SELECT n FROM unnest(numbers) AS u (n)
        UNION
        SELECT refobjsubid::smallint
        FROM pg_attrdef d JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attgenerated <> ''
            JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = d.oid
                AND refclassid = 'pg_class'::regclass AND refobjid = target AND refobjsubid > 0
        WHERE adrelid = target AND adnum = ANY (numbers)
        ORDER BY 1)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_columns_read FROM PUBLIC;

-- subMsgRule_columns returns the columns of a rule as they are now, in the order of its arrays; NULLs for one that is gone. In the
-- place where the rule was made, numbers tell the columns, because renames don't change them; elsewhere names do.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_columns(rule SUBMSG_SCHEMA.subMsgRule)
RETURNS TABLE (at integer, name name, number smallint, type oid)
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT i, attname, attnum, atttypid
    FROM SUBMSG_SCHEMA.subMsgRule_table_identity(rule.tableName) AS place
    CROSS JOIN generate_subscripts(rule.columnLabels, 1) AS i
    LEFT JOIN pg_attribute ON attrelid = rule.tableName AND attnum > 0 AND NOT attisdropped
        AND CASE rule.madeFor WHEN place THEN attnum = rule.columnNumbers[i] ELSE attname = rule.columnNames[i] END
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_columns FROM PUBLIC;

-- subMsgRule_current returns the rule as its table is now, with renames followed and the query made anew. It is an error if the
-- table or a column is gone.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_current(rule SUBMSG_SCHEMA.subMsgRule) RETURNS SUBMSG_SCHEMA.subMsgRule
LANGUAGE plpgsql STABLE SUBMSG_SETTINGS AS $$
DECLARE
    c record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = rule.tableName) THEN
        RAISE EXCEPTION 'the table is gone' USING ERRCODE = 'undefined_table';
    END IF;
    FOR c IN
        SELECT *, rule.columnLabels[at] = (rule.plan->>'flag')::smallint AS flag FROM SUBMSG_SCHEMA.subMsgRule_columns(rule)
    LOOP
        IF c.number IS NULL THEN
            RAISE EXCEPTION 'the table has no column % any more', quote_ident(rule.columnNames[c.at]) USING ERRCODE = 'undefined_column';
        ELSIF c.flag AND c.type <> 'boolean'::regtype THEN
            RAISE EXCEPTION 'the flag % is no plain boolean column any more', quote_ident(c.name) USING ERRCODE = 'datatype_mismatch';
        END IF;
        rule.columnNames[c.at] := c.name;
        rule.columnNumbers[c.at] := c.number;
    END LOOP;
    rule.madeFor := SUBMSG_SCHEMA.subMsgRule_table_identity(rule.tableName);
    rule.columnsRead := SUBMSG_SCHEMA.subMsgRule_columns_read(rule.tableName, rule.columnNumbers);
    rule.columnSeen := SUBMSG_SCHEMA.subMsgRule_column_versions(rule.tableName, rule.columnsRead);
    rule.query := SUBMSG_SCHEMA.subMsgRule_query(rule, 'SELECT $1 AS n, $2 AS o');
    RETURN rule;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_current FROM PUBLIC;

-- subMsgRule_renew returns the query and the flag of a rule whose table has changed, and stores them, unless another
-- transaction has the rule's row locked just now: then the next update of the table does.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_renew(rule bigint, OUT query text, OUT flag text)
LANGUAGE plpgsql AS $$
DECLARE
    renewed SUBMSG_SCHEMA.subMsgRule;
BEGIN
    SELECT * INTO renewed FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.id = rule;
    renewed := SUBMSG_SCHEMA.subMsgRule_current(renewed);
    query := renewed.query;
    flag := SUBMSG_SCHEMA.subMsgRule_column_name(renewed, renewed.plan->>'flag');
    UPDATE SUBMSG_SCHEMA.subMsgRule r
    SET columnNames = renewed.columnNames, columnNumbers = renewed.columnNumbers, columnsRead = renewed.columnsRead,
        columnSeen = renewed.columnSeen, madeFor = renewed.madeFor, query = renewed.query
    WHERE r.id = (SELECT l.id FROM SUBMSG_SCHEMA.subMsgRule l WHERE l.id = rule FOR UPDATE SKIP LOCKED);
EXCEPTION WHEN serialization_failure OR lock_not_available THEN
    IF query IS NULL OR current_setting('transaction_isolation') = 'serializable' THEN
        RAISE;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_renew FROM PUBLIC;
