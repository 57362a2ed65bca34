-- How a rule gets into subMsgRule. Nobody but submsg's owner may write that table; administrators may insert into the view
-- subMsgRuleDraft (submsg_watch() does), and what they insert is checked and stored by its two triggers, one after the other:
--
-- subMsgRule_check() makes the plan of the arguments. It runs with the rights of whoever inserts, so that nobody makes a rule of
-- columns that he may not read. subMsgRule_store() writes the rule, with the rights of submsg's owner. Nobody may call either of
-- them, or make a trigger of them: a plan that is stored has been checked.
--
-- subMsgRule_complete() is the trigger of the table itself. It refuses what is no plan, whoever writes it, and makes the rest of
-- the row. (A restored dump has its rows before its triggers.)

CREATE OR REPLACE VIEW SUBMSG_SCHEMA.subMsgRuleDraft AS
SELECT name, tableName, templateId, plan AS arguments FROM SUBMSG_SCHEMA.subMsgRule WHERE false;
COMMENT ON VIEW SUBMSG_SCHEMA.subMsgRuleDraft IS 'What submsg_watch() inserts to define or replace a rule; always empty';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRuleDraft.name       IS 'As in subMsgRule';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRuleDraft.tableName  IS 'As in subMsgRule';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRuleDraft.templateId IS 'As in subMsgRule';
COMMENT ON COLUMN SUBMSG_SCHEMA.subMsgRuleDraft.arguments  IS 'What submsg_watch() was told; the plan is made of it';

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_check() RETURNS trigger
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
BEGIN
    IF num_nulls(NEW.name, NEW.tableName, NEW.templateId, NEW.arguments) > 0 THEN
        RAISE EXCEPTION 'a rule needs a name, a table, a template and arguments: submsg_watch() makes one'
            USING ERRCODE = 'not_null_violation';
    END IF;
    NEW.arguments := SUBMSG_SCHEMA.subMsgRule_plan(NEW.tableName, NEW.arguments); -- the plan, from here on
    -- A stored error shows the key of its row.
    PERFORM SUBMSG_SCHEMA.subMsgRule_read_column(NEW.tableName, attname::text) FROM pg_attribute
    WHERE attrelid = NEW.tableName AND attnum = ANY (SUBMSG_SCHEMA.subMsgRule_key(NEW.tableName));
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_check FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgRuleDraft_1_check INSTEAD OF INSERT ON SUBMSG_SCHEMA.subMsgRuleDraft FOR EACH ROW
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_check();

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_store() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SUBMSG_SETTINGS AS $$
BEGIN
    INSERT INTO SUBMSG_SCHEMA.subMsgRule AS r (name, tableName, templateId, plan)
    VALUES (NEW.name, NEW.tableName, NEW.templateId, NEW.arguments)
    ON CONFLICT (name) DO UPDATE SET tableName = excluded.tableName, templateId = excluded.templateId, plan = excluded.plan;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_store FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgRuleDraft_2_store INSTEAD OF INSERT ON SUBMSG_SCHEMA.subMsgRuleDraft FOR EACH ROW
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_store();

-- subMsgRule_template_fits tells whether a template takes so many parameters: as it was last published, or as a living replica has it,
-- whose template files may be others.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_template_fits(template text, given integer) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE template IN (t.templateId, t.name) AND cardinality(t.params) = given
    ) OR EXISTS (
        SELECT FROM SUBMSG_SCHEMA.subMsgReplicaTemplate k JOIN SUBMSG_SCHEMA.subMsgLivingReplica USING (replica)
        WHERE k.templateId = template AND k.paramCount = given)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_template_fits FROM PUBLIC;

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_complete() RETURNS trigger
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
DECLARE
    problem         text    := SUBMSG_SCHEMA.subMsgRule_plan_problem(NEW.plan);
    given_params    integer := jsonb_array_length(NEW.plan->'params');
    template_params text[];
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'this is no plan of a rule: %', problem
            USING ERRCODE = 'invalid_parameter_value', HINT = 'submsg_watch() makes one.';
    END IF;
    SELECT params INTO template_params FROM SUBMSG_SCHEMA.subMsgTemplate t WHERE NEW.templateId IN (t.templateId, t.name);
    IF FOUND AND NOT SUBMSG_SCHEMA.subMsgRule_template_fits(NEW.templateId, given_params) THEN
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
        UNION SELECT unnest(SUBMSG_SCHEMA.subMsgRule_key(NEW.tableName))
        ORDER BY 1);
    NEW.columnNumbers := NEW.columnLabels;
    NEW.columnNames := NEW.columnLabels; -- subMsgRule_current() finds the names by the numbers
    NEW.madeFor := SUBMSG_SCHEMA.subMsgRule_table_identity(NEW.tableName);
    NEW := SUBMSG_SCHEMA.subMsgRule_current(NEW);
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_complete FROM PUBLIC;

CREATE OR REPLACE TRIGGER subMsgRule_insert BEFORE INSERT ON SUBMSG_SCHEMA.subMsgRule FOR EACH ROW
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_complete();

CREATE OR REPLACE TRIGGER subMsgRule_update BEFORE UPDATE ON SUBMSG_SCHEMA.subMsgRule FOR EACH ROW
WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.tableName IS DISTINCT FROM NEW.tableName
    OR OLD.templateId IS DISTINCT FROM NEW.templateId OR OLD.plan IS DISTINCT FROM NEW.plan)
EXECUTE FUNCTION SUBMSG_SCHEMA.subMsgRule_complete();
