-- The triggers of subMsgRule that check a rule and complete its row, whoever writes it and however: submsg_watch() does, and
-- administrators may by hand. They may write name, tableName, templateId and plan; the rest of the row is made here.
--
-- The check runs with the rights of whoever writes the rule, so that nobody makes a rule of columns that he may not read.

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_check() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given_params    integer;
    template_params text[];
BEGIN
    IF num_nulls(NEW.name, NEW.tableName, NEW.templateId, NEW.plan) > 0 THEN
        RAISE EXCEPTION 'a rule needs a name, a table, a template and a plan: submsg_watch() makes one'
            USING ERRCODE = 'not_null_violation';
    END IF;
    given_params := jsonb_array_length(NEW.plan->'params');
    NEW.plan := SUBMSG_SCHEMA.subMsgRule_plan(NEW.tableName, NEW.plan);
    SELECT params INTO template_params FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE NEW.templateId IN (t.templateId, t.name);
    IF FOUND AND cardinality(template_params) <> given_params THEN
        RAISE EXCEPTION 'template % has % parameters, and the rule gives %',
                quote_ident(NEW.templateId), cardinality(template_params), given_params
            USING ERRCODE = 'invalid_parameter_value', HINT = 'They are: ' || array_to_string(template_params, ', ');
    ELSIF NOT FOUND AND EXISTS (SELECT FROM SUBMSG_SCHEMA.subMsgTemplate) THEN
        RAISE EXCEPTION 'there is no template %', quote_ident(NEW.templateId)
            USING ERRCODE = 'undefined_object', HINT = 'The templates are: ' || (
                SELECT string_agg(format('%s (%s)', t.name, t.templateId), ', ' ORDER BY t.name) FROM SUBMSG_SCHEMA.subMsgTemplate t);
    ELSIF NOT FOUND THEN
        RAISE WARNING 'submsg: template % and its number of parameters are not checked: submsg serve has published no templates yet',
            quote_ident(NEW.templateId);
    END IF;
    -- The columns of the plan, and those of the key: a stored error shows which row it was.
    NEW.columnLabels := ARRAY(
        SELECT n::text::smallint FROM jsonb_path_query(NEW.plan, '$.**') AS n WHERE jsonb_typeof(n) = 'number'
        UNION
        SELECT SUBMSG_SCHEMA.subMsgRule_read_column(NEW.tableName, attname) FROM pg_attribute
        WHERE attrelid = NEW.tableName AND attnum = ANY (SUBMSG_SCHEMA.subMsgRule_key(NEW.tableName))
        ORDER BY 1);
    NEW.columnNumbers := NEW.columnLabels;
    NEW.columnNames := NEW.columnLabels; -- subMsgRule_current() finds the names by the numbers
    NEW.madeFor := SUBMSG_SCHEMA.subMsgRule_table_identity(NEW.tableName);
    NEW := SUBMSG_SCHEMA.subMsgRule_current(NEW);
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_check FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgRule_insert BEFORE INSERT ON SUBMSG_SCHEMA.subMsgRule FOR EACH ROW
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_check();

CREATE OR REPLACE TRIGGER subMsgRule_update BEFORE UPDATE ON SUBMSG_SCHEMA.subMsgRule FOR EACH ROW
WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.tableName IS DISTINCT FROM NEW.tableName
    OR OLD.templateId IS DISTINCT FROM NEW.templateId OR OLD.plan IS DISTINCT FROM NEW.plan)
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_check();
