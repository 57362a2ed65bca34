-- submsg_watch() defines a rule or replaces it; submsg_unwatch() removes it. Administrators call them from any SQL client, and
-- `submsg rules add` and `submsg rules remove` do.
--
-- Both run with the rights of whoever calls them (SECURITY INVOKER), as do all functions that check a rule: the triggers of the
-- business table are made by exactly that person, and the columns are checked against what exactly that person may read. The
-- functions see pg_catalog only, and name our own objects with their schema, so that nobody can put an object of theirs in
-- between.
--
-- What happens on the way: the triggers of subMsgRuleDraft make the arguments a plan (plan.sql) and store it (check.sql,
-- catalogue.sql, query.sql); then the triggers of the business table are made (triggers.sql).

CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_watch(
    tableName  regclass,
    template   text,
    openid     text,
    params     text[]   DEFAULT '{}',
    flag       text     DEFAULT NULL,
    whenColumn text     DEFAULT NULL,
    whenValues text[]   DEFAULT NULL,
    filter     jsonb    DEFAULT NULL,
    onInsert   boolean  DEFAULT false,
    hold       interval DEFAULT NULL,
    sendAfter  text     DEFAULT NULL,
    expireTime text     DEFAULT NULL,
    dedupKey   text     DEFAULT NULL,
    page       text     DEFAULT NULL,
    name       text     DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
#variable_conflict use_column
DECLARE
    target        regclass := tableName;
    rule_name     text := name;
    was           regclass; -- the table of the rule that is replaced
    args          jsonb;
    same          boolean;  -- there is a rule of the name that says the same; NULL if there is none
    callers_limit text := current_setting('lock_timeout');
BEGIN
    IF num_nulls(target, template, openid, params) > 0 THEN
        RAISE EXCEPTION 'a rule needs a table, a template, the column of the openid and parameters; one of them is NULL'
            USING ERRCODE = 'null_value_not_allowed';
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'rules are defined in READ COMMITTED transactions: others might not see each other''s'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    SELECT jsonb_object_agg(a.key, a.value) INTO args
    FROM jsonb_each(jsonb_build_object('openid', openid, 'params', params, 'flag', flag,
        'whenColumn', whenColumn, 'whenValues', whenValues, 'filter', filter, 'onInsert', nullif(onInsert, false), 'hold', hold,
        'sendAfter', sendAfter, 'expireTime', expireTime, 'dedupKey', dedupKey, 'page', page,
        'zone', current_setting('TimeZone'))) AS a
    WHERE a.value <> 'null';

    IF callers_limit = '0' THEN -- a statement that waits for a table in use holds up all who want to use it next
        PERFORM set_config('lock_timeout', '5s', true);
    END IF;
    LOCK TABLE SUBMSG_SCHEMA.subMsgRule IN SHARE ROW EXCLUSIVE MODE; -- the triggers are made of all rules of the table
    rule_name := coalesce(rule_name, left(format('%s:%s', target, template), 200));
    SELECT r.tableName, r.tableName = target AND r.templateId = template AND r.plan = SUBMSG_SCHEMA.subMsgRule_plan(target, args)
    INTO was, same
    FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.name = rule_name;
    IF NOT same AND submsg_watch.name IS NULL THEN
        RAISE EXCEPTION 'there is a rule % that says otherwise', quote_literal(rule_name)
            USING ERRCODE = 'duplicate_object',
                HINT = format('Give name => %L to replace it, or another name to have both.', rule_name);
    ELSIF same IS NOT TRUE THEN
        INSERT INTO SUBMSG_SCHEMA.subMsgRuleDraft (name, tableName, templateId, arguments) VALUES (rule_name, target, template, args);
    END IF;
    PERFORM SUBMSG_SCHEMA.subMsgRule_set_triggers(target); -- of an old rule, too: somebody may have removed a trigger
    IF was <> target THEN
        PERFORM SUBMSG_SCHEMA.subMsgRule_set_triggers(was);
    END IF;
    PERFORM set_config('lock_timeout', callers_limit, true);
    RETURN rule_name;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.submsg_watch FROM PUBLIC;
ALTER FUNCTION SUBMSG_SCHEMA.submsg_watch RESET TimeZone; -- it reads the caller's, for the plan

-- submsg_unwatch removes a rule with its stored errors, which nobody could send any more. It returns false if there is none of
-- the name.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.submsg_unwatch(name text) RETURNS boolean
LANGUAGE plpgsql SUBMSG_SETTINGS AS $$
DECLARE
    removed bigint;
BEGIN
    LOCK TABLE SUBMSG_SCHEMA.subMsgRule IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM SUBMSG_SCHEMA.subMsgRule r WHERE r.name = submsg_unwatch.name RETURNING id INTO removed;
    DELETE FROM SUBMSG_SCHEMA.subMsgRuleError WHERE ruleId = removed;
    RETURN removed IS NOT NULL;
END $$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.submsg_unwatch FROM PUBLIC;
