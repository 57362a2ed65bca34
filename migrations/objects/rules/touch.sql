-- subMsgRule_touch is the function of the trigger "~submsg_touch". A row was inserted with its flag set: an update that changes
-- nothing, as whoever inserted the row, makes the message and resets the flag as every update does.
--
-- It runs with the inserter's rights. Its settings are the inserter's, too, for the sake of the table's other triggers; this is
-- why all is named in full here, where the path isn't pinned for the moment. The statement holds names and operators only.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    inserters_path pg_catalog.text := pg_catalog.current_setting('search_path');
    statement      pg_catalog.text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT format('UPDATE %s AS t SET %2$I = t.%2$I WHERE %3$s', TG_RELID::regclass, min(f.attname), (
            SELECT string_agg(format('t.%1$I OPERATOR(pg_catalog.=) ($1).%1$I', k.attname), ' AND ')
            FROM pg_attribute k
            WHERE k.attrelid = TG_RELID AND k.attnum = ANY (( -- as in subMsgRule_key(), which the inserter may not call
                SELECT i.indkey::smallint[] FROM pg_index i
                WHERE i.indrelid = TG_RELID AND i.indisunique AND i.indisvalid AND i.indimmediate
                    AND i.indpred IS NULL AND i.indexprs IS NULL
                    AND NOT EXISTS (
                        SELECT FROM pg_attribute n WHERE n.attrelid = TG_RELID AND n.attnum = ANY (i.indkey) AND NOT n.attnotnull)
                ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1)::smallint[])))
    INTO statement
    FROM pg_trigger tr
        -- The flags are the columns in the WHEN of the trigger, which is of this table or of the whole that it is a partition of.
        JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = tr.oid AND d.refobjid = tr.tgrelid AND d.refobjsubid > 0
        JOIN pg_attribute f ON f.attrelid = tr.tgrelid AND f.attnum = d.refobjsubid
    WHERE tr.tgname = TG_NAME
        AND (tr.tgrelid = TG_RELID OR tr.tgrelid IN (SELECT a.relid FROM pg_partition_ancestors(TG_RELID) AS a));
    PERFORM pg_catalog.set_config('search_path', inserters_path, true);
    EXECUTE statement USING NEW;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE OPERATOR(pg_catalog.=) '40001' THEN
        RAISE;
    END IF;
    BEGIN
        RAISE WARNING 'submsg: a row inserted into % with its flag notifies nobody before it is updated: %',
            TG_RELID::pg_catalog.regclass, SQLERRM;
    EXCEPTION WHEN untranslatable_character THEN -- the client's encoding hasn't the characters (subMsgRule_warn, errors.sql)
        RAISE WARNING 'submsg: a row inserted with its flag notifies nobody before it is updated';
    END;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_touch FROM PUBLIC;
