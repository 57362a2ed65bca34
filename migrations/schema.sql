-- The schema that the migrations beside make, as pg_dump shows it. Written by: go test ./migrations -update
SET check_function_bodies = false;

-- Name: submsg_forget(bigint, integer, text[], interval[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_forget(afterid bigint, most integer, statuses text[], ages interval[], OUT upto bigint, OUT gone bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '20ms'
    SET enable_sort TO 'off'
    AS $_$
BEGIN
    gone := 0;
    IF NOT pg_try_advisory_xact_lock(hashtext('subMsg_forget'), $name$public.subMsgList$name$::regclass::oid::integer) THEN
        RETURN;
    END IF;

    SELECT max(id) INTO upTo
    FROM (SELECT id, createTime FROM public.subMsgList WHERE id > afterId ORDER BY id LIMIT least(most, 10000)) AS next
    HAVING bool_or(createTime < now() - (SELECT min(age) FROM unnest(ages) AS age));

    -- The conditions stand beside FOR UPDATE, which looks again at a row that was changed in between.
    DELETE FROM public.subMsgList WHERE id = ANY (ARRAY(
        SELECT m.id
        FROM public.subMsgList m JOIN unnest(statuses, ages) AS kept (status, age) ON kept.status = m.sendStatus
        WHERE m.id > afterId AND m.id <= upTo
          AND m.sendStatus NOT IN ('wait', 'sending') AND m.updateTime < now() - greatest(kept.age, interval '1 day')
        FOR UPDATE OF m SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
END $_$;

-- Name: submsg_replay(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_replay(name text DEFAULT NULL::text) RETURNS TABLE(rule text, sent bigint, failed bigint, gone bigint, error text)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
DECLARE
    path    text := pg_catalog.current_setting('search_path');
    failure public.subMsgRuleError;
    r       record;
    became  text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR r IN SELECT x.id, x.name FROM public.subMsgRule x WHERE submsg_replay.name IS NULL OR x.name = submsg_replay.name ORDER BY x.name LOOP
        rule := r.name; sent := 0; failed := 0; gone := 0; error := NULL;
        FOR failure IN SELECT * FROM public.subMsgRuleError e WHERE e.ruleId = r.id ORDER BY e.id LOOP
            BEGIN
                DELETE FROM public.subMsgRuleError e WHERE e.id = failure.id;
                CONTINUE WHEN NOT FOUND; -- another replay was faster
                became := public.subMsgRule_replay(failure, path);
            EXCEPTION WHEN OTHERS THEN
                IF SQLSTATE = '40001' THEN
                    RAISE;
                END IF;
                became := 'failed';
                error := coalesce(error, SQLERRM);
            END;
            sent := sent + (became = 'sent')::int; failed := failed + (became = 'failed')::int; gone := gone + (became = 'gone')::int;
            IF became = 'failed' THEN
                error := coalesce(error, (SELECT e.error FROM public.subMsgRuleError e WHERE e.ruleId = r.id ORDER BY e.id DESC LIMIT 1));
            END IF;
        END LOOP;
        IF sent + failed + gone > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', path, true);
END $$;

-- Name: submsg_rules(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_rules(name text DEFAULT NULL::text) RETURNS TABLE(id bigint, rule text, tablename text, template text, openid text, params text[], flag text, whencolumn text, whenvalues text[], filter jsonb, oninsert boolean, hold interval, sendafter text, expiretime text, dedupkey text, page text, problem text, errors bigint, call text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    rule public.subMsgRule;
    w    jsonb;
BEGIN
    FOR rule IN SELECT * FROM public.subMsgRule r WHERE submsg_rules.name IS NULL OR r.name = submsg_rules.name ORDER BY r.name LOOP
        problem := public.subMsgRule_problem(rule);
        BEGIN
            rule := public.subMsgRule_now(rule);
        EXCEPTION WHEN OTHERS THEN
            NULL; -- shown as it was
        END;
        w := public.subMsgRule_written(rule);
        id := rule.id; submsg_rules.rule := rule.name; tableName := rule.tableName::text; template := rule.templateId;
        openid := w->>'openid'; params := public.subMsgRule_list(w->'params'); flag := w->>'flag'; whenColumn := w->>'whenColumn'; whenValues := public.subMsgRule_list(w->'whenValues');
        filter := w->'filter'; onInsert := w ? 'onInsert'; hold := (w->>'hold')::interval;
        sendAfter := w->>'sendAfter'; expireTime := w->>'expireTime'; dedupKey := w->>'dedupKey'; page := w->>'page';
        errors := (SELECT count(*) FROM public.subMsgRuleError e WHERE e.ruleId = rule.id);
        call := format('SELECT %s.submsg_watch(%L, template => %L, openid => %L, params => %s', 'public', rule.tableName, rule.templateId, w->>'openid',
                (SELECT 'ARRAY[' || coalesce(string_agg(quote_literal(p), ', ' ORDER BY n), '') || ']::text[]' FROM unnest(submsg_rules.params) WITH ORDINALITY AS e (p, n)))
            || (SELECT coalesce(string_agg(format(', %s => %s', k, CASE WHEN k = 'whenValues' THEN format('%L::text[]', submsg_rules.whenValues) WHEN k = 'onInsert' THEN 'true' ELSE quote_literal(w->>k) END), '' ORDER BY n), '')
                FROM unnest('{flag,whenColumn,whenValues,filter,onInsert,hold,sendAfter,expireTime,dedupKey,page}'::text[]) WITH ORDINALITY AS e (k, n) WHERE w ? k)
            || format(', name => %L);', rule.name);
        RETURN NEXT;
    END LOOP;
END $$;

-- Name: submsg_test(anyelement); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_test(given anyelement) RETURNS TABLE(rule text, template text, rowkey jsonb, openid text, params text[], sendafter timestamp with time zone, expiretime timestamp with time zone, dedupkey text, page text, problem text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    target oid := (SELECT typrelid FROM pg_type WHERE pg_type.oid = pg_typeof(given)::oid);
    r      public.subMsgRule;
    m      record;
BEGIN
    FOR r IN SELECT * FROM public.subMsgRule x WHERE x.tableName = target OR x.tableName IN (SELECT relid FROM pg_partition_ancestors(target)) ORDER BY x.id LOOP
        m := public.subMsgRule_read(r, given);
        rule := r.name; template := r.templateId; rowKey := m.rowKey; openid := m.openid; params := array_replace(m.params, NULL, ''); expireTime := m.expireTime; dedupKey := m.dedupKey; page := m.page; problem := m.problem;
        sendAfter := greatest(coalesce(m.sendAfter, now()), now() + (r.plan->>'hold')::float8 * interval '1 second');
        RETURN NEXT;
    END LOOP;
END $$;

-- Name: submsg_unwatch(text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_unwatch(name text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    gone bigint;
BEGIN
    LOCK TABLE public.subMsgRule IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM public.subMsgRule r WHERE r.name = submsg_unwatch.name RETURNING id INTO gone;
    DELETE FROM public.subMsgRuleError WHERE ruleId = gone; -- its rows can't be sent any more
    RETURN gone IS NOT NULL;
END $$;

-- Name: submsg_wake(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_wake() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    -- A full queue would abort the application's commit, and no exception handler helps; the poll finds the row.
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('submsg', '');
    END IF;
    RETURN NULL;
END $$;

-- Name: submsg_watch(regclass, text, text, text[], text, text, text[], jsonb, boolean, interval, text, text, text, text, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsg_watch(tablename regclass, template text, openid text, params text[] DEFAULT '{}'::text[], flag text DEFAULT NULL::text, whencolumn text DEFAULT NULL::text, whenvalues text[] DEFAULT NULL::text[], filter jsonb DEFAULT NULL::jsonb, oninsert boolean DEFAULT false, hold interval DEFAULT NULL::interval, sendafter text DEFAULT NULL::text, expiretime text DEFAULT NULL::text, dedupkey text DEFAULT NULL::text, page text DEFAULT NULL::text, name text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    target   regclass := tableName;
    called   text := name;
    args     jsonb;
    present  record;
    patience text := current_setting('lock_timeout');
BEGIN
    IF num_nulls(target, template, openid, params) > 0 THEN
        RAISE EXCEPTION 'a rule needs a table, a template, the column of the openid and parameters; one of them is NULL' USING ERRCODE = 'null_value_not_allowed';
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'rules are defined in READ COMMITTED transactions: others might not see each other''s' USING ERRCODE = 'feature_not_supported';
    END IF;
    SELECT jsonb_object_agg(a.key, a.value) INTO args FROM jsonb_each(jsonb_build_object('openid', openid, 'params', params, 'flag', flag,
        'whenColumn', whenColumn, 'whenValues', whenValues, 'filter', filter, 'onInsert', nullif(onInsert, false), 'hold', hold,
        'sendAfter', sendAfter, 'expireTime', expireTime, 'dedupKey', dedupKey, 'page', page)) AS a WHERE a.value <> 'null';

    IF patience = '0' THEN -- whoever waits for a table in use holds up its next users
        PERFORM set_config('lock_timeout', '5s', true);
    END IF;
    LOCK TABLE public.subMsgRule IN SHARE ROW EXCLUSIVE MODE; -- the triggers are made of all rules of the table
    called := coalesce(called, left(format('%s:%s', target, template), 200));
    SELECT r.tableName = target AND r.templateId = template AND r.plan = public.subMsgRule_plan(target, args) AS same INTO present
    FROM public.subMsgRule r WHERE r.name = called;
    IF NOT FOUND THEN
        INSERT INTO public.subMsgRule (name, tableName, templateId, plan) VALUES (called, target, template, args);
    ELSIF present.same THEN
        PERFORM public.subMsgRule_arm(target); -- as it should be already
    ELSIF submsg_watch.name IS NULL THEN
        RAISE EXCEPTION 'there is a rule % that says otherwise', quote_literal(called) USING ERRCODE = 'duplicate_object',
            HINT = format('Give name => %L to replace it, or another name to have both.', called);
    ELSE
        UPDATE public.subMsgRule r SET tableName = target, templateId = template, plan = args WHERE r.name = called;
    END IF;
    PERFORM set_config('lock_timeout', patience, true);
    RETURN called;
END $$;

-- Name: submsglist_by_hand(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsglist_by_hand() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    was text := OLD.sendStatus;
BEGIN
    NEW.createTime := OLD.createTime;
    IF NEW.updateTime IS NULL OR NEW.updateTime <= OLD.updateTime THEN
        NEW.updateTime := greatest(now(), OLD.updateTime);
    END IF;

    IF was = 'sending' AND (NEW.sendStatus <> was OR NEW.claimId IS DISTINCT FROM OLD.claimId OR NEW.leaseUntil IS DISTINCT FROM OLD.leaseUntil) THEN
        IF OLD.leaseUntil > clock_timestamp() THEN
            RAISE EXCEPTION 'message % is being sent, until % at the latest; its sendStatus can''t be changed before', OLD.id, OLD.leaseUntil
                USING ERRCODE = 'object_in_use', HINT = 'Look again in a moment: the outcome will be in the row.';
        END IF;
        was := 'unknown'; -- the lease is over and nobody settled it: sent or not, a person decides
        NEW.leaseUntil := NULL;
    END IF;

    IF NEW.sendStatus <> was AND (was, NEW.sendStatus) NOT IN (
        ('wait', 'cancel'), ('wait', 'expired'),
        ('success', 'wait'),
        ('fail', 'wait'), ('fail', 'cancel'),
        ('unknown', 'wait'), ('unknown', 'cancel'), ('unknown', 'success'), ('unknown', 'fail'), ('unknown', 'expired'),
        ('cancel', 'wait'),
        ('expired', 'wait'), ('expired', 'cancel'))
    THEN
        RAISE EXCEPTION 'message %: sendStatus can''t be changed from % to % by hand', OLD.id, was, NEW.sendStatus
            USING ERRCODE = 'check_violation',
                  HINT = 'By hand: wait to send (again), cancel to call off; on unknown also success or fail.';
    END IF;

    IF NEW.sendStatus = 'wait' AND was <> 'wait' THEN
        IF NEW.expireTime <= clock_timestamp() THEN
            RAISE EXCEPTION 'message %: its expireTime % is over, so it can''t wait to be sent', OLD.id, NEW.expireTime
                USING ERRCODE = 'check_violation',
                      HINT = 'Set expireTime too, to a later time or to NULL.';
        END IF;
        NEW.attempts := 0;
        NEW.errCode := NULL;
        NEW.sendStatusMsg := NULL;
        NEW.sendTime := NULL;
        NEW.msgId := NULL;
        NEW.claimId := NULL; -- so that a late answer to the old send settles nothing
    END IF;

    -- A full queue would abort the application's commit, and no exception handler helps; the poll finds the row.
    IF NEW.sendStatus = 'wait' AND (was <> 'wait' OR NEW.templateId <> OLD.templateId OR NEW.sendAfter < OLD.sendAfter
            OR NEW.expireTime < coalesce(OLD.expireTime, 'infinity'))
        AND pg_sequence_last_value(format('%I.submsgwake', TG_TABLE_SCHEMA)::regclass) = 1 AND pg_notification_queue_usage() < 0.5
    THEN
        PERFORM pg_notify('submsg', '');
    END IF;
    RETURN NEW;
END $$;

-- Name: submsgrule_any(text[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_any(conditions text[]) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT string_agg(DISTINCT '(' || c || ')', ' OR ') FROM unnest(conditions) AS c
$$;

-- Name: submsgrule_apply(oid[], text[], text, anyelement, anyelement); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_apply(targets oid[], units text[], op text, was anyelement, changed anyelement) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    unit  text;
    rule  record;
    at    bigint;
    m     record;
    due   timestamptz;
    new   bigint;
    flag  text;
    flags text[] := '{}';
BEGIN
    FOREACH unit IN ARRAY units LOOP
        flag := NULL;
        at := NULL;
        BEGIN
            FOR rule IN
                SELECT r.id, r.query, r.templateId, r.plan ? 'dedupKey' AS dedup, (r.plan->>'hold')::float8 * interval '1 second' AS hold,
                    r.columnNames[array_position(r.columnLabels, (r.plan->>'flag')::smallint)] AS flag,
                    r.columnSeen = ARRAY(SELECT concat(a.attname, ' ', a.xmin) FROM pg_attribute a WHERE a.attrelid = r.tableName AND a.attnum = ANY (r.columnNumbers) ORDER BY a.attnum) AS fresh,
                    EXISTS (SELECT FROM public.subMsgTemplate) AND NOT EXISTS (SELECT FROM public.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name)) AS gone
                FROM public.subMsgRule r WHERE r.tableName = ANY (targets) AND coalesce(r.plan->>'flag', 'rule ' || r.id) = unit ORDER BY r.id
            LOOP
                at := rule.id;
                IF NOT rule.fresh THEN
                    SELECT w.query, w.flag INTO rule.query, rule.flag FROM public.subMsgRule_renew(at) AS w;
                END IF;
                EXECUTE rule.query INTO m USING changed, was;
                IF m.fits AND (op = 'INSERT' OR op = 'UPDATE' AND m.changed AND m.flagged) THEN
                    IF rule.gone OR m.openid IS NULL OR array_position(m.params, NULL) IS NOT NULL OR rule.dedup AND m.dedupKey IS NULL THEN
                        RAISE EXCEPTION '%', public.subMsgRule_flaw(at, m.openid, m.params, m.dedupKey) USING ERRCODE = 'data_exception';
                    END IF;
                    LOCK TABLE public.subMsgList, public.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
                    due := coalesce(m.sendAfter, now());
                    IF rule.hold IS NOT NULL THEN
                        due := greatest(due, clock_timestamp() + rule.hold);
                        PERFORM public.subMsgRule_cancel(at, m.rowKey, '已被同一条记录的新消息取代 (replaced by a newer message of the same rule and row)');
                    END IF;
                    new := NULL;
                    IF m.dedupKey IS NULL THEN
                        INSERT INTO public.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page)
                        VALUES (m.openid, rule.templateId, m.params, due, m.expireTime, m.page) RETURNING id INTO new;
                    ELSE
                        BEGIN -- ON CONFLICT would be a serialization failure where a snapshot hides the other row
                            INSERT INTO public.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
                            VALUES (m.openid, rule.templateId, m.params, due, m.expireTime, m.page, m.dedupKey) RETURNING id INTO new;
                        EXCEPTION WHEN unique_violation THEN
                            NULL; -- there is one
                        END;
                    END IF;
                    IF rule.hold IS NOT NULL AND new IS NOT NULL THEN
                        PERFORM public.subMsgRule_hold(at, m.rowKey, new, due);
                    END IF;
                    flag := rule.flag;
                ELSIF rule.hold IS NOT NULL AND (op = 'DELETE' OR NOT m.fits) THEN
                    LOCK TABLE public.subMsgList, public.subMsgHeld IN ROW EXCLUSIVE MODE NOWAIT;
                    PERFORM public.subMsgRule_cancel(at, m.rowKey, '记录已离开该状态 (the row left the state before the message was due)');
                END IF;
            END LOOP;
            IF flag IS NOT NULL THEN
                flags := flags || flag;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
                RAISE; -- only the whole transaction, done again, can mend that
            END IF;
            PERFORM public.subMsgRule_failed(coalesce(at, 0), targets[1], changed, SQLERRM);
        END;
    END LOOP;
    RETURN flags;
END $$;

-- Name: submsgrule_arm(regclass); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_arm(target regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    rule    public.subMsgRule;
    whole   boolean;
    flag    text;
    watched smallint[];
    updates text[] := '{}';
    touches text[] := '{}';
    inserts text[] := '{}';
    deletes text[] := '{}';
BEGIN
    SELECT relkind = 'p' INTO whole FROM pg_class WHERE oid = target;
    IF NOT FOUND THEN
        RETURN;
    ELSIF NOT has_table_privilege(target, 'TRIGGER') THEN
        RAISE WARNING 'submsg: % may not change the triggers of %; they stay, and do nothing without a rule', current_user, target;
        RETURN;
    END IF;
    FOR rule IN SELECT * FROM public.subMsgRule WHERE tableName = target ORDER BY id LOOP
        BEGIN
            rule := public.subMsgRule_now(rule);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % of % is broken: %', quote_ident(rule.name), target, SQLERRM;
            CONTINUE;
        END;
        flag := (SELECT quote_ident(rule.columnNames[array_position(rule.columnLabels, (rule.plan->>'flag')::smallint)]));
        watched := ARRAY(SELECT rule.columnNumbers[array_position(rule.columnLabels, label::smallint)] FROM (
            SELECT rule.plan->>'whenColumn' WHERE NOT rule.plan ? 'flag' OR rule.plan ? 'hold'
            UNION SELECT f->>'column' FROM jsonb_array_elements(rule.plan->'filter') AS f WHERE rule.plan ? 'hold') AS w (label) WHERE label IS NOT NULL);
        updates := updates || ('NEW.' || flag || ' IS TRUE') || public.subMsgRule_changes(target, watched);
        IF rule.plan ? 'onInsert' THEN
            touches := touches || ('NEW.' || flag || ' IS TRUE');
            inserts := inserts || CASE WHEN flag IS NULL THEN CASE WHEN whole THEN 'true' ELSE public.subMsgRule_fits(rule, 'NEW') END END;
        END IF;
        IF rule.plan ? 'hold' THEN
            deletes := deletes || CASE WHEN whole THEN 'true' ELSE public.subMsgRule_fits(rule, 'OLD') END;
        END IF;
    END LOOP;
    PERFORM public.subMsgRule_trigger(target, '~submsg', 'BEFORE UPDATE', 'FOR EACH ROW', public.subMsgRule_any(updates), 'subMsgRule_fire');
    PERFORM public.subMsgRule_trigger(target, '~submsg_touch', 'AFTER INSERT', 'FOR EACH ROW', public.subMsgRule_any(touches), 'subMsgRule_touch');
    PERFORM public.subMsgRule_trigger(target, '~submsg_insert', 'AFTER INSERT', CASE WHEN whole THEN 'REFERENCING NEW TABLE AS submsg_rows FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END, public.subMsgRule_any(inserts), 'subMsgRule_fire');
    PERFORM public.subMsgRule_trigger(target, '~submsg_delete', 'AFTER DELETE', CASE WHEN whole THEN 'REFERENCING OLD TABLE AS submsg_rows FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END, public.subMsgRule_any(deletes), 'subMsgRule_fire');
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgtype & 19 = 19 AND tgname > '~submsg' AND tgname NOT LIKE '~submsg%') THEN
        RAISE WARNING 'submsg: % of % runs after submsg: what it changes, or calls off, is not in the messages', (
            SELECT string_agg('trigger ' || quote_ident(tgname), ', ') FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgtype & 19 = 19 AND tgname > '~submsg' AND tgname NOT LIKE '~submsg%'), target;
    END IF;
END $$;

-- Name: submsgrule_armed(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_armed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.subMsgRule_arm(OLD.tableName);
    END IF;
    IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND NEW.tableName <> OLD.tableName THEN
        PERFORM public.subMsgRule_arm(NEW.tableName);
    END IF;
    RETURN NULL;
END $$;

-- Name: submsgrule_astext(regclass, smallint, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_astext(target regclass, number smallint, row_ text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT format(CASE typnamespace WHEN 'pg_catalog'::regnamespace THEN '%1$s::text' ELSE '(CASE num_nulls(%1$s) WHEN 0 THEN concat(%1$s) END)' END,
        public.subMsgRule_value(target, number, row_))
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = target AND attnum = number
$_$;

-- Name: submsgrule_cancel(bigint, jsonb, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_cancel(rule bigint, which jsonb, why text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    waiting bigint;
BEGIN
    DELETE FROM public.subMsgHeld WHERE (ruleId, rowKey) IN (SELECT h.ruleId, h.rowKey FROM public.subMsgHeld h WHERE h.ruleId = rule AND h.rowKey = which FOR UPDATE SKIP LOCKED)
    RETURNING messageId INTO waiting;
    UPDATE public.subMsgList SET sendStatus = 'cancel', sendStatusMsg = why, dedupKey = NULL
    WHERE id = (SELECT id FROM public.subMsgList WHERE id = waiting AND sendStatus = 'wait' FOR UPDATE SKIP LOCKED);
    IF NOT FOUND AND EXISTS (SELECT FROM public.subMsgList WHERE id = waiting AND sendStatus = 'wait') THEN
        RAISE EXCEPTION 'message % should be cancelled, and another transaction holds it', waiting USING ERRCODE = 'lock_not_available';
    END IF;
END $$;

-- Name: submsgrule_changes(regclass, smallint[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_changes(target regclass, numbers smallint[]) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    WITH used AS (
        SELECT attnum FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) AND attgenerated = ''
        UNION
        SELECT refobjsubid FROM pg_attrdef d JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attgenerated <> ''
            JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = d.oid AND refclassid = 'pg_class'::regclass AND refobjid = target AND refobjsubid > 0
        WHERE adrelid = target AND adnum = ANY (numbers) AND refobjsubid <> adnum
    )
    SELECT string_agg(format(CASE WHEN typtype = 'e' OR atttypid = 'varchar'::regtype OR EXISTS (SELECT FROM pg_opclass WHERE opcintype = atttypid AND opcdefault AND opcmethod = 403 AND opcnamespace = 'pg_catalog'::regnamespace)
        THEN 'OLD.%1$I IS DISTINCT FROM NEW.%1$I'
        ELSE 'num_nulls(OLD.%1$I) <> num_nulls(NEW.%1$I) OR concat(OLD.%1$I) <> concat(NEW.%1$I)' END, attname), ' OR ' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = target AND attnum IN (SELECT attnum FROM used)
$_$;

-- Name: submsgrule_check(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_check() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    given integer;
    known text[];
BEGIN
    IF num_nulls(NEW.name, NEW.tableName, NEW.templateId, NEW.plan) > 0 THEN
        RAISE EXCEPTION 'a rule needs a name, a table, a template and a plan: submsg_watch() makes one' USING ERRCODE = 'not_null_violation';
    END IF;
    given := jsonb_array_length(NEW.plan->'params');
    NEW.plan := public.subMsgRule_plan(NEW.tableName, NEW.plan);
    SELECT params INTO known FROM public.subMsgTemplate t WHERE NEW.templateId IN (t.templateId, t.name);
    IF FOUND AND cardinality(known) <> given THEN
        RAISE EXCEPTION 'template % has % parameters, and the rule gives %', quote_ident(NEW.templateId), cardinality(known), given USING ERRCODE = 'invalid_parameter_value',
            HINT = 'They are: ' || array_to_string(known, ', ');
    ELSIF NOT FOUND AND EXISTS (SELECT FROM public.subMsgTemplate) THEN
        RAISE EXCEPTION 'there is no template %', quote_ident(NEW.templateId) USING ERRCODE = 'undefined_object',
            HINT = 'The templates are: ' || (SELECT string_agg(format('%s (%s)', t.name, t.templateId), ', ' ORDER BY t.name) FROM public.subMsgTemplate t);
    ELSIF NOT FOUND THEN
        RAISE WARNING 'submsg: template % and its number of parameters are not checked: submsg serve has published no templates yet', quote_ident(NEW.templateId);
    END IF;
    NEW.columnLabels := ARRAY(SELECT n::text::smallint FROM jsonb_path_query(NEW.plan, '$.**') AS n WHERE jsonb_typeof(n) = 'number'
        UNION SELECT public.subMsgRule_column(NEW.tableName, attname) FROM pg_attribute -- failures show the key
            WHERE attrelid = NEW.tableName AND attnum = ANY (public.subMsgRule_key(NEW.tableName)) ORDER BY 1);
    NEW.columnNumbers := NEW.columnLabels;
    NEW.columnNames := NEW.columnLabels; -- until looked up
    NEW.madeFor := public.subMsgRule_place(NEW.tableName);
    NEW := public.subMsgRule_now(NEW);
    RETURN NEW;
END $_$;

-- Name: submsgrule_column(regclass, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_column(target regclass, given text) RETURNS smallint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found smallint;
BEGIN
    SELECT attnum INTO found FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname IN (given::name, lower(given)::name) ORDER BY attname <> given::name LIMIT 1;
    IF found IS NULL THEN
        RAISE EXCEPTION '% has no column %', target, quote_ident(given) USING ERRCODE = 'undefined_column', HINT = 'Its columns are: ' || left((
            SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped), 1000);
    ELSIF NOT has_column_privilege(target, found, 'SELECT') THEN
        RAISE EXCEPTION '% may not read column % of %', current_user, quote_ident(given), target USING ERRCODE = 'insufficient_privilege',
            HINT = format('A rule shows what it reads to all who may read messages. Let the table''s owner GRANT SELECT (%I) ON %s TO %I, or define the rule.', given, target, current_user);
    END IF;
    RETURN found;
END $$;

-- Name: submsgrule_failed(bigint, oid, anyelement, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_failed(rule bigint, target oid, changed anyelement, problem text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    called text;
    names  text[];
    key    smallint[];
    which  jsonb;
    data   jsonb;
BEGIN
    SELECT r.name, r.columnNames INTO called, names FROM public.subMsgRule r WHERE r.id = rule;
    RAISE WARNING 'submsg: rule % on % inserted no message: %', quote_literal(called), target::regclass, problem;
    SELECT k INTO key FROM (SELECT public.subMsgRule_key(target)) AS t (k)
    WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k) AND attname <> ALL (names));
    EXECUTE format('SELECT %s, %s', coalesce(public.subMsgRule_object_sql(target, key), 'NULL::jsonb'),
        coalesce(public.subMsgRule_object_sql(target, ARRAY(SELECT attnum FROM pg_attribute WHERE attrelid = target AND attname = ANY (names) AND attgenerated = '')), 'jsonb_build_object()'))
        INTO which, data USING changed;
    LOCK TABLE public.subMsgRuleError IN ROW EXCLUSIVE MODE NOWAIT;
    INSERT INTO public.subMsgRuleError AS e (ruleId, error, rowKey, rowData) VALUES (rule, problem, which, data)
    ON CONFLICT (ruleId, rowKey) DO UPDATE SET createTime = excluded.createTime, error = excluded.error, rowData = excluded.rowData;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE = '40001' AND current_setting('transaction_isolation') = 'serializable' THEN
        RAISE;
    END IF;
    RAISE WARNING 'submsg: and the error could not be stored: %', SQLERRM;
END $$;

-- Name: submsgrule_fire(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_fire() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '50ms'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    targets oid[] := TG_RELID || ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(TG_RELID) AS a WHERE a.relid <> TG_RELID);
    units   text[];
    changed record;
    flag    text;
BEGIN
    BEGIN
        LOCK TABLE public.subMsgRule, public.subMsgTemplate IN ACCESS SHARE MODE NOWAIT;
        units := ARRAY(SELECT coalesce(r.plan->>'flag', 'rule ' || r.id) FROM public.subMsgRule r
            WHERE r.tableName = ANY (targets) AND CASE TG_OP WHEN 'UPDATE' THEN true WHEN 'INSERT' THEN r.plan ? 'onInsert' AND NOT r.plan ? 'flag' ELSE r.plan ? 'hold' END
            GROUP BY 1 ORDER BY min(r.id));
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE = '40001' THEN
            RAISE;
        END IF;
        RAISE WARNING 'submsg: the rules on % can''t be read: %', TG_RELID::regclass, SQLERRM;
        RETURN NEW;
    END;
    IF TG_LEVEL = 'STATEMENT' AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = TG_RELID AND tgname = TG_NAME AND 'submsg_rows' IN (tgnewtable, tgoldtable)) THEN
        RETURN NULL; -- not a trigger that subMsgRule_arm() made: the name would mean a table, or view, of whoever updates
    ELSIF TG_LEVEL = 'STATEMENT' THEN
        FOR changed IN EXECUTE format('SELECT ROW (r.*)::%s AS is FROM submsg_rows AS r', TG_RELID::regclass) LOOP
            PERFORM public.subMsgRule_apply(targets, units, TG_OP, changed.is, changed.is);
        END LOOP;
    ELSIF TG_OP = 'UPDATE' THEN
        FOREACH flag IN ARRAY public.subMsgRule_apply(targets, units, TG_OP, OLD, NEW) LOOP
            NEW := jsonb_populate_record(NEW, jsonb_build_object(flag, false));
        END LOOP;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM public.subMsgRule_apply(targets, units, TG_OP, NEW, NEW);
    ELSE
        PERFORM public.subMsgRule_apply(targets, units, TG_OP, OLD, OLD);
    END IF;
    RETURN NEW;
END $$;

-- Name: submsgrule; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgrule (
    id bigint NOT NULL,
    name text NOT NULL,
    tablename regclass NOT NULL,
    templateid text NOT NULL,
    plan jsonb NOT NULL,
    columnlabels smallint[] NOT NULL,
    columnnames text[] NOT NULL,
    columnnumbers smallint[] NOT NULL,
    columnseen text[] NOT NULL,
    madefor text NOT NULL,
    query text NOT NULL,
    createtime timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT submsgrule_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

-- Name: TABLE submsgrule; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgrule IS 'Which changes of which tables insert which messages: made by submsg_watch(), shown by submsg_rules()';

-- Name: COLUMN submsgrule.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.id IS 'Its number';

-- Name: COLUMN submsgrule.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.name IS 'Its name';

-- Name: COLUMN submsgrule.tablename; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.tablename IS 'The table; its triggers ~submsg… call subMsgRule_fire()';

-- Name: COLUMN submsgrule.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.templateid IS 'The message''s template';

-- Name: COLUMN submsgrule.plan; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.plan IS 'The rule; a number in it is a column, by its label';

-- Name: COLUMN submsgrule.columnlabels; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.columnlabels IS 'The columns that the plan uses, as the plan calls them';

-- Name: COLUMN submsgrule.columnnames; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.columnnames IS 'Their names, when last looked at: the truth in a restored database';

-- Name: COLUMN submsgrule.columnnumbers; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.columnnumbers IS 'Their numbers in madeFor, which renames don''t change: the truth in the same database';

-- Name: COLUMN submsgrule.columnseen; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.columnseen IS 'Their rows of the catalogue when the query was made; others now: it is made again';

-- Name: COLUMN submsgrule.madefor; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.madefor IS 'Cluster, database and table that columnNumbers are of';

-- Name: COLUMN submsgrule.query; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.query IS 'What reads the message from a row ($1, before the update $2); made from plan and catalogue';

-- Name: COLUMN submsgrule.createtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.createtime IS 'When it was made';

-- Name: submsgrule_fits(public.submsgrule, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_fits(rule public.submsgrule, version text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce(string_agg(format(CASE typnamespace WHEN 'pg_catalog'::regnamespace THEN '%s.%I::text = ANY (%L::text[])' ELSE 'concat(%s.%I) = ANY (%L::text[])' END,
        version, attname, ARRAY(SELECT jsonb_array_elements_text(w->'values'))), ' AND '), 'true')
    FROM jsonb_array_elements(coalesce(rule.plan->'filter', '[]')
            || CASE WHEN rule.plan ? 'whenValues' THEN jsonb_build_array(jsonb_build_object('column', rule.plan->'whenColumn', 'values', rule.plan->'whenValues')) ELSE '[]' END) AS w
        JOIN pg_attribute ON attrelid = rule.tableName AND attnum = rule.columnNumbers[array_position(rule.columnLabels, (w->>'column')::smallint)] AND attgenerated = ''
        JOIN pg_type ON pg_type.oid = atttypid
$$;

-- Name: submsgrule_flaw(bigint, text, text[], text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_flaw(rule bigint, openid text, params text[], dedupkey text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM public.subMsgTemplate) AND NOT EXISTS (SELECT FROM public.subMsgTemplate t WHERE r.templateId IN (t.templateId, t.name))
            THEN format('there is no template %I any more', r.templateId)
        WHEN openid IS NULL
            THEN format('the openid, column %I, is NULL', r.columnNames[array_position(r.columnLabels, (r.plan->>'openid')::smallint)])
        WHEN array_position(params, NULL) IS NOT NULL
            THEN format('parameter %s: the map has no word for what column %I says', array_position(params, NULL),
                r.columnNames[array_position(r.columnLabels, (r.plan#>>ARRAY['params', (array_position(params, NULL) - 1)::text, 'column'])::smallint)])
        WHEN r.plan ? 'dedupKey' AND dedupKey IS NULL
            THEN 'a column of the dedupKey is NULL'
    END FROM public.subMsgRule r WHERE r.id = rule
$$;

-- Name: submsgrule_hold(bigint, jsonb, bigint, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_hold(rule bigint, which jsonb, message bigint, until timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO public.subMsgHeld (ruleId, rowKey, messageId, due) VALUES (rule, which, message, until);
    IF current_setting('transaction_isolation') = 'read committed' THEN -- others' changes are errors elsewhere
        DELETE FROM public.subMsgHeld WHERE (ruleId, rowKey) IN (
            SELECT h.ruleId, h.rowKey FROM public.subMsgHeld h WHERE h.due < now() - interval '1 minute' ORDER BY h.due LIMIT 4 FOR UPDATE SKIP LOCKED);
    END IF;
END $$;

-- Name: submsgrule_key(regclass); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_key(target regclass) RETURNS smallint[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT k.columns FROM pg_index i, LATERAL (SELECT ARRAY(SELECT n FROM unnest(i.indkey) WITH ORDINALITY AS u (n, at) WHERE at <= i.indnkeyatts ORDER BY at)) AS k (columns)
    WHERE i.indrelid = target AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = ANY (k.columns) AND NOT attnotnull)
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1
$$;

-- Name: submsgrule_list(jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_list(items jsonb) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN items IS NOT NULL THEN ARRAY(SELECT v FROM jsonb_array_elements_text(items) WITH ORDINALITY AS e (v, n) ORDER BY n) END
$$;

-- Name: submsgrule_now(public.submsgrule); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_now(rule public.submsgrule) RETURNS public.submsgrule
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    place text := public.subMsgRule_place(rule.tableName);
    c     record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = rule.tableName) THEN
        RAISE EXCEPTION 'the table is gone' USING ERRCODE = 'undefined_table';
    END IF;
    FOR c IN SELECT i, attname, attnum, atttypid, rule.columnLabels[i] = (rule.plan->>'flag')::smallint AS flag
        FROM generate_subscripts(rule.columnLabels, 1) AS i
        LEFT JOIN pg_attribute ON attrelid = rule.tableName AND attnum > 0 AND NOT attisdropped
            AND CASE rule.madeFor WHEN place THEN attnum = rule.columnNumbers[i] ELSE attname = rule.columnNames[i] END LOOP
        IF c.attnum IS NULL THEN
            RAISE EXCEPTION 'the table has no column % any more', quote_ident(rule.columnNames[c.i]) USING ERRCODE = 'undefined_column';
        ELSIF c.flag AND c.atttypid <> 'boolean'::regtype THEN
            RAISE EXCEPTION 'the flag % is no plain boolean column any more', quote_ident(c.attname) USING ERRCODE = 'datatype_mismatch';
        END IF;
        rule.columnNames[c.i] := c.attname;
        rule.columnNumbers[c.i] := c.attnum;
    END LOOP;
    rule.madeFor := place;
    rule.columnSeen := public.subMsgRule_seen(rule.tableName, rule.columnNumbers);
    rule.query := public.subMsgRule_sql(rule);
    RETURN rule;
END $$;

-- Name: submsgrule_object_sql(regclass, smallint[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_object_sql(target regclass, numbers smallint[]) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT format('jsonb_object(ARRAY[%s]::text[], ARRAY[%s]::text[])', string_agg(quote_literal(attname), ', ' ORDER BY attnum), string_agg(public.subMsgRule_astext(target, attnum, '$1'), ', ' ORDER BY attnum))
    FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) AND NOT attisdropped
$_$;

-- Name: submsgrule_param(regclass, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_param(target regclass, given text) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    param jsonb;
    wrong text;
    type text;
BEGIN
    IF given IS NULL THEN
        RAISE EXCEPTION 'a parameter is NULL' USING ERRCODE = 'invalid_parameter_value', HINT = 'An empty one is written =';
    ELSIF given LIKE '=%' THEN
        RETURN jsonb_build_object('text', public.subMsgRule_text(target, substr(given, 2)));
    ELSIF given NOT LIKE '{%' THEN
        RETURN jsonb_build_object('column', public.subMsgRule_column(target, given));
    END IF;
    BEGIN
        param := given;
    EXCEPTION WHEN invalid_text_representation THEN
        RAISE EXCEPTION 'the parameter % is no JSON', quote_literal(given) USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Write {"column":"state","map":{"paid":"已付款"}} or {"column":"amount","format":"FM999990.00"}.';
    END;
    SELECT key INTO wrong FROM jsonb_each(param) AS p (key, value) WHERE key NOT IN ('column', 'map', 'else', 'format', 'zone', 'null')
        OR jsonb_typeof(value) <> CASE key WHEN 'map' THEN 'object' ELSE 'string' END
        OR key = 'map' AND EXISTS (SELECT FROM jsonb_each(CASE WHEN jsonb_typeof(value) = 'object' THEN value ELSE '{}' END) AS m (k, v) WHERE jsonb_typeof(v) <> 'string') LIMIT 1;
    IF FOUND OR NOT param ? 'column' OR param ? 'map' AND param ? 'format' OR param ? 'else' AND NOT param ? 'map' OR param ? 'zone' AND NOT param ? 'format' THEN
        RAISE EXCEPTION 'the parameter % has %', given, coalesce('a wrong ' || quote_ident(wrong), CASE WHEN param ? 'column' THEN 'members that don''t go together' ELSE 'no "column"' END)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is {"column": "…"} with "map": {"value": "word"} (and "else": "word"), or with "format": "…" (and "zone": "…"), and "null": "word"; all texts.';
    END IF;
    param := param || jsonb_build_object('column', public.subMsgRule_column(target, param->>'column'));
    IF param ? 'format' THEN
        SELECT format_type(atttypid, NULL) INTO type FROM pg_attribute WHERE attrelid = target AND attnum = (param->>'column')::smallint;
        IF type NOT IN ('smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'date', 'timestamp without time zone', 'timestamp with time zone', 'interval') THEN
            RAISE EXCEPTION 'the parameter % formats a %', given, type USING ERRCODE = 'datatype_mismatch', HINT = 'Numbers, dates, timestamps and intervals have formats.';
        ELSIF type = 'timestamp with time zone' THEN
            param := jsonb_build_object('zone', current_setting('TimeZone')) || param; -- not that of whoever updates
            PERFORM now() AT TIME ZONE (param->>'zone');
        END IF;
    END IF;
    RETURN param;
END $$;

-- Name: submsgrule_param_sql(jsonb, jsonb, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_param_sql(param jsonb, texts jsonb, format_value text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE
        WHEN param ? 'text' THEN coalesce((SELECT 'concat(' || string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN texts->>(p #>> '{}') ELSE quote_literal(p #>> '{}') END, ', ' ORDER BY n) || ')'
            FROM jsonb_array_elements(param->'text') WITH ORDINALITY AS e (p, n)), quote_literal(''))
        WHEN param ? 'map' THEN format('CASE WHEN %1$s IS NULL THEN %2$L ELSE CASE %1$s %3$s ELSE %4$L END END', texts->>(param->>'column'), coalesce(param->>'null', ''),
            coalesce((SELECT string_agg(format('WHEN %L THEN %L', key, value), ' ') FROM jsonb_each_text(param->'map')), 'WHEN NULL THEN NULL'), param->>'else')
        WHEN param ? 'format' THEN format('coalesce(to_char(%s%s, %L), %L)', format_value, ' AT TIME ZONE ' || quote_literal(param->>'zone'), param->>'format', coalesce(param->>'null', ''))
        ELSE format('coalesce(%s, %L)', texts->>(param->>'column'), coalesce(param->>'null', ''))
    END
$_$;

-- Name: submsgrule_place(oid); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_place(target oid) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    cluster bigint;
BEGIN
    IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier INTO cluster FROM pg_control_system();
    END IF;
    RETURN concat_ws('/', coalesce(cluster, 0), (SELECT oid FROM pg_database WHERE datname = current_database()), target);
END $$;

-- Name: submsgrule_plan(regclass, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_plan(target regclass, args jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    plan jsonb := args - '{openid,params,flag,whenColumn,filter,hold,sendAfter,expireTime,dedupKey,page}'::text[];
    why  text := public.subMsgRule_refusal(target);
    f    record;
BEGIN
    IF why IS NOT NULL THEN
        RAISE EXCEPTION '% can''t have rules: %', target, why USING ERRCODE = CASE WHEN why LIKE '% may not %' OR why LIKE '%row security%' THEN 'insufficient_privilege' ELSE 'wrong_object_type' END;
    ELSIF NOT args ?| '{flag,whenColumn}' THEN
        RAISE EXCEPTION 'the rule doesn''t say when it fires' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give flag => a boolean column, or whenColumn => a column and whenValues => what it changes to.';
    ELSIF args ? 'whenValues' AND NOT args ? 'whenColumn' THEN
        RAISE EXCEPTION 'whenValues are given without a whenColumn' USING ERRCODE = 'invalid_parameter_value';
    ELSIF args ? 'whenColumn' AND args ? 'flag' AND NOT args ? 'whenValues' THEN
        RAISE EXCEPTION 'with a flag, a whenColumn needs its whenValues' USING ERRCODE = 'invalid_parameter_value', HINT = 'The flag fires while the column has one of them.';
    END IF;
    plan := plan || jsonb_build_object('openid', public.subMsgRule_column(target, args->>'openid'),
        'params', (SELECT coalesce(jsonb_agg(public.subMsgRule_param(target, p) ORDER BY n), '[]') FROM jsonb_array_elements_text(args->'params') WITH ORDINALITY AS e (p, n)));
    IF args ? 'flag' THEN
        plan := plan || jsonb_build_object('flag', public.subMsgRule_column(target, args->>'flag'));
        IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attnum = (plan->>'flag')::smallint AND atttypid = 'boolean'::regtype AND attgenerated = '') THEN
            RAISE EXCEPTION 'the flag % of % is no plain boolean column', quote_ident(args->>'flag'), target USING ERRCODE = 'datatype_mismatch',
                HINT = coalesce('These are: ' || (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND atttypid = 'boolean'::regtype AND attgenerated = '' AND NOT attisdropped),
                    format('Add one: ALTER TABLE %s ADD notify boolean NOT NULL DEFAULT false', target));
        END IF;
    END IF;
    IF args ? 'whenColumn' THEN
        plan := plan || jsonb_build_object('whenColumn', public.subMsgRule_column(target, args->>'whenColumn'));
    END IF;
    IF args ? 'filter' THEN
        IF jsonb_typeof(args->'filter') <> 'object' THEN
            RAISE EXCEPTION 'the filter % is no JSON object', args->'filter' USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {"kind": "food", "city": ["sz", "gz"]}.';
        END IF;
        plan := plan || '{"filter": []}';
        FOR f IN SELECT key, CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END AS value FROM jsonb_each(args->'filter') ORDER BY key LOOP
            IF EXISTS (SELECT FROM jsonb_array_elements(f.value) AS v WHERE jsonb_typeof(v) IN ('object', 'array', 'null')) THEN
                RAISE EXCEPTION 'the filter on % must be one text or a list of them', quote_ident(f.key) USING ERRCODE = 'invalid_parameter_value';
            END IF;
            plan := jsonb_insert(plan, '{filter,-1}', jsonb_build_object('column', public.subMsgRule_column(target, f.key),
                'values', (SELECT jsonb_agg(v) FROM jsonb_array_elements_text(f.value) AS v)), true);
        END LOOP;
    END IF;
    IF args ? 'hold' AND (args->>'hold')::interval <= '0' THEN
        RAISE EXCEPTION 'hold must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
    ELSIF (args ? 'hold' OR args ? 'flag' AND args ? 'onInsert') AND public.subMsgRule_key(target) IS NULL THEN
        RAISE EXCEPTION '% has no primary key, and no unique index of columns that can''t be null: its rows can''t be told apart, as % needs it', target, CASE WHEN args ? 'hold' THEN 'hold' ELSE 'a flag on INSERT' END
            USING ERRCODE = 'invalid_parameter_value', HINT = format('Give it one: ALTER TABLE %s ADD PRIMARY KEY (…)', target);
    END IF;
    plan := plan || jsonb_strip_nulls(jsonb_build_object('hold', extract(epoch FROM (args->>'hold')::interval)::text,
        'sendAfter', public.subMsgRule_time(target, args->>'sendAfter'), 'expireTime', public.subMsgRule_time(target, args->>'expireTime'),
        'dedupKey', public.subMsgRule_text(target, args->>'dedupKey'), 'page', public.subMsgRule_text(target, args->>'page')));
    RETURN plan;
END $$;

-- Name: submsgrule_problem(public.submsgrule); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_problem(rule public.submsgrule) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    enabled "char";
BEGIN
    PERFORM public.subMsgRule_now(rule);
    SELECT tgenabled INTO enabled FROM pg_trigger WHERE tgrelid = rule.tableName AND tgname = '~submsg';
    RETURN CASE
        WHEN enabled IS NULL THEN format('the trigger "~submsg" of %s is gone: define the rule again', rule.tableName)
        WHEN enabled NOT IN ('O', 'A') THEN format('its trigger is disabled: ALTER TABLE %s ENABLE TRIGGER "~submsg"', rule.tableName)
        WHEN EXISTS (SELECT FROM public.subMsgTemplate) AND NOT EXISTS (SELECT FROM public.subMsgTemplate t WHERE rule.templateId IN (t.templateId, t.name))
            THEN format('there is no template %I any more', rule.templateId)
        ELSE (SELECT format('template %I has %s parameters now (%s), the rule gives %s', rule.templateId, cardinality(t.params), array_to_string(t.params, ', '), jsonb_array_length(rule.plan->'params'))
            FROM public.subMsgTemplate t WHERE rule.templateId IN (t.templateId, t.name) AND cardinality(t.params) <> jsonb_array_length(rule.plan->'params') LIMIT 1)
    END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

-- Name: submsgrule_read(public.submsgrule, anyelement); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_read(rule public.submsgrule, given anyelement, OUT fits boolean, OUT openid text, OUT params text[], OUT sendafter timestamp with time zone, OUT expiretime timestamp with time zone, OUT dedupkey text, OUT page text, OUT rowkey jsonb, OUT problem text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    is_now public.subMsgRule;
    c      record;
    value  text;
    broken boolean;
BEGIN
    fits := true; -- as far as known
    EXECUTE format('SELECT %s', coalesce(public.subMsgRule_object_sql(rule.tableName, public.subMsgRule_key(rule.tableName)), 'NULL::jsonb')) INTO rowKey USING given;
    is_now := public.subMsgRule_now(rule);
    EXECUTE format('SELECT fits, openid, params, sendAfter, expireTime, dedupKey, page FROM (%s) AS m', is_now.query) INTO fits, openid, params, sendAfter, expireTime, dedupKey, page USING given, given;
    FOR c IN
        SELECT n.number, public.subMsgRule_list(w->'values') AS wanted
        FROM jsonb_array_elements(coalesce(rule.plan->'filter', '[]')
            || CASE WHEN rule.plan ? 'whenValues' THEN jsonb_build_array(jsonb_build_object('column', rule.plan->'whenColumn', 'values', rule.plan->'whenValues')) ELSE '[]' END) AS w,
            LATERAL (SELECT is_now.columnNumbers[array_position(is_now.columnLabels, (w->>'column')::smallint)]) AS n (number)
    LOOP
        EXECUTE 'SELECT ' || public.subMsgRule_astext(rule.tableName, c.number, '$1') INTO value USING given;
        IF (value = ANY (c.wanted)) IS NOT TRUE THEN
            problem := format('it does not fire: column %I is %s, the rule wants %s', (SELECT attname FROM pg_attribute WHERE attrelid = rule.tableName AND attnum = c.number),
                coalesce(quote_literal(value), 'NULL'), (SELECT string_agg(quote_literal(v), ' or ') FROM unnest(c.wanted) AS v));
            RETURN;
        END IF;
    END LOOP;
    problem := public.subMsgRule_flaw(rule.id, openid, params, dedupKey);
    FOR c IN
        SELECT conname, pg_get_expr(conbin, conrelid) AS condition FROM pg_constraint
        WHERE conrelid = ('public' || '.subMsgList')::regclass AND contype = 'c' AND problem IS NULL
            AND conkey <@ ARRAY(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname IN ('openid', 'templateid', 'parameterarr', 'page', 'dedupkey'))
    LOOP
        EXECUTE format('SELECT (%s) IS FALSE FROM (SELECT $1, $2, $3, $4, $5) AS l (openid, templateid, parameterarr, page, dedupkey)', c.condition) INTO broken USING openid, rule.templateId, params, page, dedupKey;
        IF broken THEN
            problem := replace(c.conname, '_', ' ');
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    problem := SQLERRM;
END $_$;

-- Name: submsgrule_refusal(regclass); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_refusal(target regclass) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE
        WHEN c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) OR c.relnamespace = pg_my_temp_schema() OR c.relpersistence = 't'
            THEN 'it is a ' || CASE c.relpersistence WHEN 't' THEN 'temporary table, and the rule would outlive it' ELSE 'table of the system' END
        WHEN c.relname LIKE 'submsg%' AND c.relnamespace = 'public'::regnamespace THEN 'it is one of submsg''s own'
        WHEN c.relkind IN ('v', 'm') THEN 'it is a view, and has no rows of its own: name the table that it shows'
        WHEN c.relkind = 'f' THEN 'it is a foreign table: its rows change where this database doesn''t see it'
        WHEN c.relkind NOT IN ('r', 'p') THEN 'it is no table'
        WHEN c.relispartition THEN 'it is a partition: name the whole, ' || pg_partition_root(target)::text
        WHEN NOT has_table_privilege(target, 'TRIGGER') THEN format('%s may not make triggers on it: GRANT TRIGGER ON %s TO %I', current_user, target, current_user)
        WHEN row_security_active(target) THEN format('its rows are hidden from %s by row security, and a rule would read all of them', current_user)
    END FROM pg_class c WHERE c.oid = target
$$;

-- Name: submsgrule_renew(bigint); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_renew(rule bigint, OUT query text, OUT flag text) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    is_now public.subMsgRule;
BEGIN
    SELECT * INTO is_now FROM public.subMsgRule r WHERE r.id = rule;
    is_now := public.subMsgRule_now(is_now);
    query := is_now.query;
    flag := is_now.columnNames[array_position(is_now.columnLabels, (is_now.plan->>'flag')::smallint)];
    UPDATE public.subMsgRule r SET columnNames = is_now.columnNames, columnNumbers = is_now.columnNumbers, columnSeen = is_now.columnSeen, madeFor = is_now.madeFor, query = is_now.query
    WHERE r.id = (SELECT l.id FROM public.subMsgRule l WHERE l.id = rule FOR UPDATE SKIP LOCKED);
EXCEPTION WHEN serialization_failure OR lock_not_available THEN
    IF query IS NULL OR current_setting('transaction_isolation') = 'serializable' THEN
        RAISE;
    END IF;
END $$;

-- Name: submsgruleerror; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgruleerror (
    id bigint NOT NULL,
    ruleid bigint NOT NULL,
    createtime timestamp with time zone DEFAULT now() NOT NULL,
    error text NOT NULL,
    rowdata jsonb NOT NULL,
    rowkey jsonb
);

-- Name: TABLE submsgruleerror; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgruleerror IS 'Updates whose rule could not be applied: the update went through, the message is missing';

-- Name: COLUMN submsgruleerror.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.id IS 'In the order in which they happened';

-- Name: COLUMN submsgruleerror.ruleid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.ruleid IS 'Which rule';

-- Name: COLUMN submsgruleerror.createtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.createtime IS 'When';

-- Name: COLUMN submsgruleerror.error; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.error IS 'Why';

-- Name: COLUMN submsgruleerror.rowdata; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.rowdata IS 'What the rule uses of the row that the update wrote, each value as text';

-- Name: COLUMN submsgruleerror.rowkey; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.rowkey IS 'Which row: its primary key, or unique columns; null if it has none';

-- Name: submsgrule_replay(public.submsgruleerror, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_replay(failure public.submsgruleerror, path text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    rule   public.subMsgRule;
    where_ text;
    flag   text;
    m      record;
    flags  record;
BEGIN
    SELECT * INTO STRICT rule FROM public.subMsgRule r WHERE r.id = failure.ruleId;
    rule := public.subMsgRule_now(rule);
    IF failure.rowKey IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the table has no key; update it by hand';
    END IF;
    SELECT string_agg(format('t.%I OPERATOR(pg_catalog.=) %L::%s', attname, value, format_type(atttypid, atttypmod)), ' AND ') INTO where_
    FROM jsonb_each_text(failure.rowKey) JOIN pg_attribute ON attrelid = rule.tableName AND attname = key::name AND NOT attisdropped
    HAVING count(*) = (SELECT count(*) FROM jsonb_object_keys(failure.rowKey));
    IF where_ IS NULL THEN
        RAISE EXCEPTION 'its row can''t be found: the key of the table is another now';
    END IF;
    IF NOT rule.plan ? 'flag' THEN
        EXECUTE format('SELECT m.* FROM %s AS t, LATERAL public.subMsgRule_read($1, t) AS m WHERE %s', rule.tableName, where_) INTO m USING rule;
        IF m.fits IS NOT TRUE THEN
            RETURN 'gone';
        ELSIF m.problem IS NOT NULL THEN
            RAISE EXCEPTION '%', m.problem;
        END IF;
        INSERT INTO public.subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey)
        VALUES (m.openid, rule.templateId, m.params, coalesce(m.sendAfter, now()), m.expireTime, m.page, m.dedupKey) ON CONFLICT (dedupKey) DO NOTHING;
        RETURN 'sent';
    END IF;
    flag := quote_ident(rule.columnNames[array_position(rule.columnLabels, (rule.plan->>'flag')::smallint)]);
    where_ := format('UPDATE %s AS t SET %2$s = true WHERE %3$s AND t.%2$s RETURNING t.%2$s AS kept', rule.tableName, flag, where_);
    PERFORM set_config('search_path', path, true);
    EXECUTE where_ INTO flags;
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    RETURN CASE WHEN flags.kept THEN 'failed' WHEN flags.kept IS NULL THEN 'gone' ELSE 'sent' END; -- if kept, the error is there anew
END $_$;

-- Name: submsgrule_seen(oid, smallint[]); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_seen(target oid, numbers smallint[]) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT ARRAY(SELECT concat(attname, ' ', xmin) FROM pg_attribute WHERE attrelid = target AND attnum = ANY (numbers) ORDER BY attnum)
$$;

-- Name: submsgrule_sql(public.submsgrule); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_sql(rule public.submsgrule) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    plan   jsonb := rule.plan;
    vals   jsonb := '{}';
    texts  jsonb := '{}';
    c      record;
    params text;
    fits   text;
    key    smallint[] := public.subMsgRule_key(rule.tableName);
BEGIN
    SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type INTO c -- what isn't built in could bring casts along that are foreign code
    FROM unnest(rule.columnLabels, rule.columnNumbers) AS u (label, number)
        JOIN pg_attribute ON attrelid = rule.tableName AND attnum = number JOIN pg_type ON pg_type.oid = atttypid
    WHERE label::text IN (SELECT p->>'column' FROM jsonb_array_elements(plan->'params') AS p WHERE p ? 'format'
            UNION SELECT plan#>>'{sendAfter,column}' UNION SELECT plan#>>'{expireTime,column}')
        AND NOT (typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typcategory IN ('N', 'D', 'T'));
    IF FOUND THEN
        RAISE EXCEPTION 'column % is of type % now, which has no format and is no time', c.name, c.type USING ERRCODE = 'datatype_mismatch';
    ELSIF plan ? 'hold' AND key <@ rule.columnNumbers IS NOT TRUE THEN
        RAISE EXCEPTION 'the key of the table is another now, or gone: define the rule again' USING ERRCODE = 'invalid_table_definition';
    END IF;
    FOR c IN SELECT label::text, number FROM unnest(rule.columnLabels, rule.columnNumbers) AS u (label, number) LOOP
        vals := vals || jsonb_build_object(c.label, public.subMsgRule_value(rule.tableName, c.number, '$1'));
        texts := texts || jsonb_build_object(c.label, public.subMsgRule_astext(rule.tableName, c.number, '$1'));
    END LOOP;
    SELECT string_agg(public.subMsgRule_param_sql(p, texts, vals->>(p->>'column')), ', ' ORDER BY n) INTO params
    FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n);
    SELECT string_agg(format('coalesce(%s = ANY (%L::text[]), false)', texts->>(f->>'column'), ARRAY(SELECT jsonb_array_elements_text(f->'values'))), ' AND ') INTO fits
    FROM jsonb_array_elements(coalesce(plan->'filter', '[]')
        || CASE WHEN plan ? 'whenValues' THEN jsonb_build_array(jsonb_build_object('column', plan->'whenColumn', 'values', plan->'whenValues')) ELSE '[]' END) AS f;
    RETURN format('SELECT %s AS fits, %s AS changed, %s AS flagged, %s AS openid, ARRAY[%s]::text[] AS params, %s AS sendAfter, %s AS expireTime, %s AS dedupKey, %s AS page, %s AS rowKey',
        coalesce(fits, 'true'),
        CASE WHEN plan ? 'flag' THEN 'true' ELSE format('%s IS DISTINCT FROM %s', texts->>(plan->>'whenColumn'),
            public.subMsgRule_astext(rule.tableName, rule.columnNumbers[array_position(rule.columnLabels, (plan->>'whenColumn')::smallint)], '$2')) END,
        CASE WHEN plan ? 'flag' THEN vals->>(plan->>'flag') || ' IS TRUE' ELSE 'true' END,
        texts->>(plan->>'openid'), params,
        public.subMsgRule_time_sql(plan->'sendAfter', vals->>(plan#>>'{sendAfter,column}')), public.subMsgRule_time_sql(plan->'expireTime', vals->>(plan#>>'{expireTime,column}')),
        coalesce((SELECT string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN texts->>(p #>> '{}') ELSE quote_literal(p #>> '{}') END, ' || ' ORDER BY n) -- NULL if one is
            FROM jsonb_array_elements(plan->'dedupKey') WITH ORDINALITY AS e (p, n)), 'NULL::text'),
        coalesce((SELECT 'concat(' || string_agg(CASE jsonb_typeof(p) WHEN 'number' -- escaped as the templates' page is
                THEN format('CASE WHEN %1$s ~ ''[^A-Za-z0-9_.~-]'' THEN regexp_replace(upper(encode(convert_to(%1$s, ''UTF8''), ''hex'')), ''(..)'', ''%%\1'', ''g'') ELSE %1$s END', texts->>(p #>> '{}'))
                ELSE quote_literal(p #>> '{}') END, ', ' ORDER BY n) || ')' FROM jsonb_array_elements(plan->'page') WITH ORDINALITY AS e (p, n)), 'NULL::text'),
        CASE WHEN plan ? 'hold' THEN public.subMsgRule_object_sql(rule.tableName, key) ELSE 'NULL::jsonb' END);
END $_$;

-- Name: submsgrule_text(regclass, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_text(target regclass, given text) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    piece text[];
    parts jsonb := CASE WHEN given IS NOT NULL THEN '[]' END::jsonb;
BEGIN
    FOR piece IN SELECT regexp_matches(given, '(\{\{|\}\}|[^{}]+)|\{([^{}]+)\}|([{}])', 'g') LOOP
        IF piece[3] IS NOT NULL THEN
            RAISE EXCEPTION '% has a % that is not part of a {column}', quote_literal(given), piece[3] USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Write {{ and }} for braces.';
        END IF;
        parts := parts || CASE WHEN piece[2] IS NOT NULL THEN to_jsonb(public.subMsgRule_column(target, piece[2]))
            ELSE to_jsonb(CASE piece[1] WHEN '{{' THEN '{' WHEN '}}' THEN '}' ELSE piece[1] END) END;
    END LOOP;
    RETURN parts;
END $$;

-- Name: submsgrule_text_written(jsonb, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_text_written(parts jsonb, named jsonb) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN parts IS NOT NULL THEN coalesce((SELECT string_agg(CASE jsonb_typeof(p) WHEN 'number' THEN '{' || (named->>(p #>> '{}')) || '}'
        ELSE replace(replace(p #>> '{}', '{', '{{'), '}', '}}') END, '' ORDER BY n) FROM jsonb_array_elements(parts) WITH ORDINALITY AS e (p, n)), '') END
$$;

-- Name: submsgrule_time(regclass, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_time(target regclass, given text) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    piece text[] := regexp_match(given, '^(?:(.+)\s)?([+-])\s*(\d.*)$');
    found smallint;
    type  regtype;
BEGIN
    IF given IS NULL THEN
        RETURN NULL;
    ELSIF piece IS NULL OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = given::name AND NOT attisdropped) THEN
        piece := ARRAY[given, '+', '0'];
    END IF;
    BEGIN
        PERFORM (piece[2] || piece[3])::interval;
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION '% is no interval in %', quote_literal(piece[3]), quote_literal(given) USING ERRCODE = 'invalid_parameter_value', HINT = 'Write +2 hours, pickup_at, or pickup_at - 1 hour.';
    END;
    IF piece[1] IS NULL THEN
        RETURN jsonb_build_object('add', piece[2] || piece[3]);
    END IF;
    found := public.subMsgRule_column(target, btrim(piece[1]));
    SELECT atttypid INTO type FROM pg_attribute WHERE attrelid = target AND attnum = found;
    IF type NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
        RAISE EXCEPTION 'column % is of type %, not a time', quote_ident(btrim(piece[1])), type USING ERRCODE = 'datatype_mismatch';
    END IF;
    RETURN jsonb_build_object('column', found, 'add', piece[2] || piece[3]) || CASE type WHEN 'timestamptz'::regtype THEN '{}' ELSE jsonb_build_object('zone', current_setting('TimeZone')) END;
END $_$;

-- Name: submsgrule_time_sql(jsonb, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_time_sql(at jsonb, value text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN at IS NULL THEN 'NULL::timestamptz'
        ELSE format('%s + %L::interval', CASE WHEN NOT at ? 'column' THEN 'now()' WHEN at ? 'zone' THEN format('(%s)::timestamp AT TIME ZONE %L', value, at->>'zone') ELSE value END, at->>'add') END
$$;

-- Name: submsgrule_time_written(jsonb, jsonb); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_time_written(at jsonb, named jsonb) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN at IS NULL THEN NULL WHEN NOT at ? 'column' THEN at->>'add' WHEN at->>'add' = '+0' THEN named->>(at->>'column')
        ELSE concat_ws(' ', named->>(at->>'column'), left(at->>'add', 1), substr(at->>'add', 2)) END
$$;

-- Name: submsgrule_touch(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    touch text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT format('UPDATE %s AS t SET %2$I = t.%2$I WHERE %3$s', TG_RELID::regclass, min(f.attname), (
            SELECT string_agg(format('t.%1$I OPERATOR(pg_catalog.=) ($1).%1$I', k.attname), ' AND ')
            FROM pg_attribute k WHERE k.attrelid = TG_RELID AND k.attnum = ANY (( -- as in subMsgRule_key(), which the inserter may not call
                SELECT i.indkey::smallint[] FROM pg_index i WHERE i.indrelid = TG_RELID AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
                    AND i.indexprs IS NULL AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = TG_RELID AND n.attnum = ANY (i.indkey) AND NOT n.attnotnull)
                ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1)::smallint[])))
    INTO touch
    FROM pg_trigger tr JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = tr.oid AND d.refobjid = tr.tgrelid AND d.refobjsubid > 0
        JOIN pg_attribute f ON f.attrelid = tr.tgrelid AND f.attnum = d.refobjsubid -- the flags, in the WHEN of the trigger or of the whole table's
    WHERE tr.tgname = TG_NAME AND (tr.tgrelid = TG_RELID OR tr.tgrelid IN (SELECT a.relid FROM pg_partition_ancestors(TG_RELID) AS a));
    PERFORM pg_catalog.set_config('search_path', path, true);
    EXECUTE touch USING NEW;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE OPERATOR(pg_catalog.=) '40001' THEN
        RAISE;
    END IF;
    RAISE WARNING 'submsg: a row inserted into % with its flag notifies nobody before it is updated: %', TG_RELID::pg_catalog.regclass, SQLERRM;
    RETURN NULL;
END $_$;

-- Name: submsgrule_trigger(regclass, text, text, text, text, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_trigger(target regclass, trigger_ text, event text, level text, condition text, function text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    present oid;
BEGIN
    SELECT tgfoid INTO present FROM pg_trigger WHERE tgrelid = target AND tgname = trigger_;
    IF present <> ALL (ARRAY[('public' || '.subMsgRule_fire()')::regprocedure, ('public' || '.subMsgRule_touch()')::regprocedure]) THEN
        RAISE EXCEPTION '% has a trigger % that isn''t submsg''s', target, quote_ident(trigger_) USING ERRCODE = 'duplicate_object', HINT = 'Rename it.';
    ELSIF condition IS NULL AND present IS NULL THEN
        RETURN;
    ELSIF condition IS NULL AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = target) THEN
        EXECUTE format('DROP TRIGGER %I ON %s', trigger_, target);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON %s %s WHEN (%s) EXECUTE FUNCTION %s.%s()', trigger_, event, target, level, coalesce(condition, 'false'), 'public', function);
    END IF;
END $$;

-- Name: submsgrule_value(regclass, smallint, text); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_value(target regclass, number smallint, row_ text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c record;
BEGIN
    SELECT attname, attgenerated, d.oid AS expression, adbin, relkind INTO STRICT c
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = target AND attnum = number AND NOT attisdropped;
    IF c.attgenerated = '' THEN
        RETURN format('(%s).%I', row_, c.attname);
    ELSIF c.relkind = 'p' THEN
        RAISE EXCEPTION 'column % of % is generated, and each partition may generate it differently', quote_ident(c.attname), target
            USING ERRCODE = 'feature_not_supported', HINT = 'Use the columns that it is generated from.';
    ELSIF EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_attrdef'::regclass AND objid = c.expression AND deptype = 'n' AND NOT (refclassid = 'pg_class'::regclass AND refobjid = target)) THEN
        RAISE EXCEPTION 'column % of % is generated by code of others, which a rule doesn''t run', quote_ident(c.attname), target
            USING ERRCODE = 'feature_not_supported', HINT = 'Use the columns that it is generated from.';
    END IF;
    RETURN format('(SELECT %s FROM (SELECT (%s).*) AS r)', pg_get_expr(c.adbin, target), row_);
END $$;

-- Name: submsgrule_written(public.submsgrule); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_written(rule public.submsgrule) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'openid', named->>(plan->>'openid'),
        'params', (SELECT coalesce(jsonb_agg(CASE
                WHEN p ? 'text' THEN '=' || public.subMsgRule_text_written(p->'text', named)
                WHEN p - 'column' <> '{}' OR named->>(p->>'column') ~ '^[={]' THEN (p || jsonb_build_object('column', named->>(p->>'column')))::text
                ELSE named->>(p->>'column') END ORDER BY n), '[]') FROM jsonb_array_elements(plan->'params') WITH ORDINALITY AS e (p, n)),
        'flag', named->>(plan->>'flag'), 'whenColumn', named->>(plan->>'whenColumn'), 'whenValues', plan->'whenValues',
        'filter', (SELECT jsonb_object_agg(named->>(f->>'column'), f->'values') FROM jsonb_array_elements(plan->'filter') AS f),
        'onInsert', plan->'onInsert', 'hold', justify_interval((plan->>'hold')::float8 * interval '1 second')::text,
        'sendAfter', public.subMsgRule_time_written(plan->'sendAfter', named), 'expireTime', public.subMsgRule_time_written(plan->'expireTime', named),
        'dedupKey', public.subMsgRule_text_written(plan->'dedupKey', named), 'page', public.subMsgRule_text_written(plan->'page', named)))
    FROM (SELECT rule.plan, jsonb_object(rule.columnLabels::text[], rule.columnNames)) AS r (plan, named)
$$;

-- Name: orders; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.orders (
    id bigint NOT NULL,
    openid text NOT NULL,
    name text NOT NULL,
    cardnumber text NOT NULL,
    paymoney numeric NOT NULL,
    balance numeric NOT NULL,
    remark text DEFAULT ''::text NOT NULL,
    status text DEFAULT ''::text NOT NULL,
    issendmsg boolean DEFAULT false NOT NULL
);

-- Name: TABLE orders; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.orders IS 'Example of a business table with a rule: see subMsgRule';

-- Name: COLUMN orders.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.id IS 'The order';

-- Name: COLUMN orders.openid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.openid IS 'Whose it is';

-- Name: COLUMN orders.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.name IS 'First parameter of the message';

-- Name: COLUMN orders.cardnumber; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.cardnumber IS 'Second parameter';

-- Name: COLUMN orders.paymoney; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.paymoney IS 'Third parameter';

-- Name: COLUMN orders.balance; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.balance IS 'Fourth parameter';

-- Name: COLUMN orders.remark; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.remark IS 'Fifth parameter';

-- Name: COLUMN orders.status; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.status IS 'As the shop likes; in no message';

-- Name: COLUMN orders.issendmsg; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.orders.issendmsg IS 'Set it in an update to notify the user; the update resets it';

-- Name: orders_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.orders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: submsgcause; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.submsgcause WITH (security_invoker='true') AS
 SELECT causes.errcode,
    causes.said,
    causes.cause,
    causes.nextstep,
    causes.causeenglish,
    causes.nextstepenglish
   FROM ( VALUES ('-1'::integer,NULL::text,'微信系统繁忙'::text,'稍后重发'::text,'WeChat is busy'::text,'send again later'::text), (20001,NULL::text,'微信系统错误'::text,'稍后重发'::text,'WeChat had an internal error'::text,'send again later'::text), (200001,NULL::text,'微信系统错误'::text,'稍后重发'::text,'WeChat had an internal error'::text,'send again later'::text), (20002,NULL::text,'请求参数错误'::text,'检查各参数后重发'::text,'WeChat refused the values'::text,'check them and send again'::text), (200002,NULL::text,'请求参数错误'::text,'检查各参数后重发'::text,'WeChat refused the values'::text,'check them and send again'::text), (40001,NULL::text,'access_token 或 AppSecret 无效'::text,'检查 AppSecret，以及是否有其他程序刷新同一小程序的 token'::text,'the access token or the AppSecret is not valid'::text,'check the AppSecret, and whether another program renews the token of this mini-program'::text), (40014,NULL::text,'access_token 不合法'::text,'检查 AppID、AppSecret 与微信接口地址是否属于同一小程序'::text,'the access token is not valid'::text,'check that AppID, AppSecret and SUBMSG_WECHAT_URL belong together'::text), (42001,NULL::text,'access_token 已过期'::text,'检查微信接口地址与本机时钟'::text,'the access token has expired'::text,'check SUBMSG_WECHAT_URL and the clock'::text), (41001,NULL::text,'缺少 access_token'::text,'检查中间代理是否去掉了网址中的参数'::text,'the access token is missing'::text,'check whether a proxy cuts off the query of the URL'::text), (40002,NULL::text,'grant_type 不正确'::text,'检查微信接口地址，或升级 submsg'::text,'wrong grant_type'::text,'check SUBMSG_WECHAT_URL, or upgrade submsg'::text), (40013,NULL::text,'AppID 不正确'::text,'检查 SUBMSG_WECHAT_APPID'::text,'wrong AppID'::text,'check SUBMSG_WECHAT_APPID'::text), (40125,NULL::text,'AppSecret 不正确'::text,'在微信公众平台核对或重置，并更新 SUBMSG_WECHAT_SECRET'::text,'wrong AppSecret'::text,'check or reset it on mp.weixin.qq.com, and set SUBMSG_WECHAT_SECRET'::text), (41002,NULL::text,'缺少 AppID'::text,'检查 SUBMSG_WECHAT_APPID'::text,'the AppID is missing'::text,'check SUBMSG_WECHAT_APPID'::text), (41004,NULL::text,'缺少 AppSecret'::text,'检查 SUBMSG_WECHAT_SECRET'::text,'the AppSecret is missing'::text,'check SUBMSG_WECHAT_SECRET'::text), (43002,NULL::text,'接口必须用 POST 调用'::text,'检查中间代理是否改写了请求'::text,'WeChat wants a POST'::text,'check whether a proxy rewrites requests'::text), (40243,NULL::text,'AppSecret 已被冻结'::text,'在微信公众平台解冻'::text,'the AppSecret is frozen'::text,'unfreeze it on mp.weixin.qq.com'::text), (50004,NULL::text,'小程序被禁止获取 access_token'::text,'在微信公众平台查看处罚与申诉'::text,'the mini-program may not get access tokens'::text,'see penalties and appeals on mp.weixin.qq.com'::text), (50007,NULL::text,'小程序账号已被冻结'::text,'在微信公众平台处理'::text,'the mini-program''s account is frozen'::text,'settle it on mp.weixin.qq.com'::text), (40164,NULL::text,'本机 IP 不在白名单'::text,'在微信公众平台的 IP 白名单中加入本机地址，约 10 分钟后生效'::text,'this server''s IP address is not allowed'::text,'add it to the IP allow list on mp.weixin.qq.com; that takes about 10 minutes'::text), (89501,NULL::text,'本机 IP 正等待管理员确认'::text,'请管理员在微信中确认'::text,'this server''s IP address waits for approval'::text,'the mini-program''s administrator confirms it in WeChat'::text), (89503,NULL::text,'本机 IP 调用需要管理员确认'::text,'请管理员在微信中确认'::text,'this server''s IP address needs approval'::text,'the mini-program''s administrator confirms it in WeChat'::text), (89506,NULL::text,'管理员拒绝了本机 IP，24 小时内不能再申请'::text,'联系管理员'::text,'the administrator refused this server''s IP address for 24 hours'::text,'talk to the mini-program''s administrator'::text), (89507,NULL::text,'管理员拒绝了本机 IP，1 小时内不能再申请'::text,'联系管理员'::text,'the administrator refused this server''s IP address for an hour'::text,'talk to the mini-program''s administrator'::text), (40003,NULL::text,'openid 无效'::text,'确认它属于本小程序'::text,'not an openid of this mini-program'::text,'correct the openid and send again'::text), (43101,NULL::text,'用户未授权或授权次数已用完'::text,'引导用户再次订阅；在此之前重发仍会失败'::text,'the user has not accepted this message, or has used up the acceptance'::text,'let the user subscribe again; before that, sending again fails again'::text), (43108,NULL::text,'同一用户正有另一条消息在发送'::text,'稍后重发'::text,'another message to this user was being sent'::text,'send again later'::text), (43117,NULL::text,'给该用户发送过于频繁'::text,'稍后重发'::text,'too many messages to this user'::text,'send again later'::text), (43004,NULL::text,'用户未关注，不能接收'::text,'无需重发'::text,'the user does not follow the account'::text,'nothing to send again'::text), (48002,NULL::text,'用户关闭了接收消息'::text,'无需重发'::text,'the user has turned messages off'::text,'nothing to send again'::text), (50002,NULL::text,'用户受限，可能已注销或被封禁'::text,'无需重发'::text,'the user is restricted, or gone'::text,'nothing to send again'::text), (40037,NULL::text,'模板 ID 无效'::text,'在微信公众平台确认该模板存在、属于本小程序且为订阅消息'::text,'no such template'::text,'see on mp.weixin.qq.com whether it exists, is this mini-program''s, and for subscribe messages'::text), (43102,NULL::text,'该模板不是订阅消息模板'::text,'换用订阅消息模板'::text,'not a template for subscribe messages'::text,'use one that is'::text), (43116,NULL::text,'该模板已被封禁'::text,'在微信公众平台查看，或换用其他模板'::text,'the template is banned'::text,'see mp.weixin.qq.com, or use another one'::text), (43104,NULL::text,'小程序没有订阅消息的权限'::text,'在微信公众平台开通'::text,'the mini-program may not send subscribe messages'::text,'apply for it on mp.weixin.qq.com'::text), (43106,NULL::text,'小程序因违规被限制发送'::text,'在微信公众平台查看处罚与申诉'::text,'the mini-program may not send, as a penalty'::text,'see penalties and appeals on mp.weixin.qq.com'::text), (43107,NULL::text,'订阅消息能力被封禁'::text,'在微信公众平台查看处罚与申诉'::text,'the mini-program''s subscribe messages are banned'::text,'see penalties and appeals on mp.weixin.qq.com'::text), (45009,NULL::text,'今日接口调用次数已达上限'::text,'等到次日，或在微信公众平台清零次数后自动恢复'::text,'the daily quota is used up'::text,'wait for tomorrow, or clear the quota on mp.weixin.qq.com; goes on by itself'::text), (45011,NULL::text,'每分钟调用次数已达上限'::text,'稍后自动恢复'::text,'the quota of the minute is used up'::text,'goes on by itself'::text), (45102,NULL::text,'接口被平台暂时停用'::text,'恢复后自动继续'::text,'WeChat has switched the interface off'::text,'goes on by itself'::text), (45501,NULL::text,'接口被平台暂时停用'::text,'恢复后自动继续'::text,'WeChat has switched the interface off'::text,'goes on by itself'::text), (45109,NULL::text,'微信已停止支持该接口'::text,'升级 submsg'::text,'WeChat no longer has this interface'::text,'upgrade submsg'::text), (48001,NULL::text,'小程序没有此接口的权限'::text,'在微信公众平台确认接口权限'::text,'the mini-program may not use this interface'::text,'see its rights on mp.weixin.qq.com'::text), (48008,NULL::text,'小程序没有发送该类消息的权限'::text,'在微信公众平台确认'::text,'the mini-program may not send this kind of message'::text,'see its rights on mp.weixin.qq.com'::text), (48004,NULL::text,'接口被封禁'::text,'在微信公众平台查看处罚与申诉'::text,'the interface is banned'::text,'see penalties and appeals on mp.weixin.qq.com'::text), (48006,NULL::text,'本月清零次数已用完'::text,'等到次日自动恢复'::text,'the quota can''t be cleared any more this month'::text,'goes on by itself tomorrow'::text), (41030,NULL::text,'页面路径不正确'::text,'确认该页面在已发布的小程序中存在'::text,'the page does not exist'::text,'see that it is in the published mini-program'::text), (47003,NULL::text,'参数不符合模板要求'::text,'按 sendStatusMsg 修改 parameterArr 后重发'::text,'a value does not fit the template'::text,'correct parameterArr by what sendStatusMsg says, and send again'::text), (45168,NULL::text,'内容含有敏感词'::text,'修改后重发'::text,'the text has a word that WeChat does not allow'::text,'change it and send again'::text), (40249,NULL::text,'内容违规被拦截'::text,'修改后重发'::text,'WeChat stopped the text'::text,'change it and send again'::text), (45012,NULL::text,'消息内容过大'::text,'缩短后重发'::text,'the message is too large'::text,'shorten it and send again'::text), (45013,NULL::text,'消息内容过大'::text,'缩短后重发'::text,'the message is too large'::text,'shorten it and send again'::text), (45014,NULL::text,'消息内容过大'::text,'缩短后重发'::text,'the message is too large'::text,'shorten it and send again'::text), (44002,NULL::text,'微信说请求内容为空'::text,'联系 submsg 开发者'::text,'WeChat says that the request was empty'::text,'tell the developers of submsg'::text), (47001,NULL::text,'微信说请求不是正确的 JSON'::text,'检查参数中的特殊字符'::text,'WeChat says that the request was no JSON'::text,'look for odd characters in parameterArr'::text), (47002,NULL::text,'微信说请求格式错误'::text,'检查参数中的特殊字符'::text,'WeChat says that the request was malformed'::text,'look for odd characters in parameterArr'::text), (40033,NULL::text,'参数中含有微信不接受的字符'::text,'修改后重发'::text,'a value has characters that WeChat does not take'::text,'change it and send again'::text), (NULL::integer,'未知模板'::text,'未知模板'::text,'改正 templateId 或补上模板文件后重发'::text,'no template file of this name or id'::text,'correct templateId, or add the template file, and send again'::text), (NULL::integer,'参数不符合模板要求'::text,'参数不符合模板要求'::text,'按 sendStatusMsg 修改 parameterArr 后重发'::text,'a value does not fit the template'::text,'correct parameterArr by what sendStatusMsg says, and send again'::text), (NULL::integer,'parameterArr 不是普通的文本列表'::text,'parameterArr 不是普通的文本列表'::text,'改正后重发'::text,'parameterArr is not a plain list of texts'::text,'correct it and send again'::text), (NULL::integer,'连不上微信'::text,'连不上微信接口'::text,'检查网络与 SUBMSG_WECHAT_URL 后重发'::text,'WeChat could not be reached'::text,'check the network and SUBMSG_WECHAT_URL, and send again'::text), (NULL::integer,'请求未被微信受理'::text,'请求未被微信受理'::text,'检查 SUBMSG_WECHAT_URL 与代理后重发'::text,'the request did not come to WeChat'::text,'check SUBMSG_WECHAT_URL and the proxy, and send again'::text), (NULL::integer,'请求可能已到达微信'::text,'请求可能已到达微信，没有得到完整应答'::text,'向用户核实后，未收到的改为 wait 重发，已收到的改为 success'::text,'the request may have reached WeChat, its answer is missing'::text,'ask the user; set wait to send again, success if it came'::text), (NULL::integer,'授权已用完，前一次可能已经送达'::text,'重发时授权已用完，前一次可能已经送达'::text,'向用户核实后，已收到的改为 success'::text,'the acceptance was used up when it was sent again: the first try may have arrived'::text,'ask the user; set success if it came'::text), (NULL::integer,'仍中断'::text,'多次发送中断，可能正是这条消息使 submsg 崩溃'::text,'联系 submsg 开发者，勿重发'::text,'submsg stopped again and again while it sent this message'::text,'tell the developers of submsg; do not send again'::text), (NULL::integer,'发送中断'::text,'发送中断，是否已送达未知'::text,'向用户核实后，未收到的改为 wait 重发，已收到的改为 success'::text,'submsg stopped while it sent'::text,'ask the user; set wait to send again, success if it came'::text), (NULL::integer,'内部错误'::text,'submsg 内部错误，是否已发送未知'::text,'查看日志，联系 submsg 开发者'::text,'an internal error of submsg; whether it was sent is unknown'::text,'look into the log and tell the developers of submsg'::text), (NULL::integer,'过期未发送'::text,'过期未发送'::text,'仍要发送时，改 expireTime 并将 sendStatus 改为 wait'::text,'its expireTime came before it could be sent'::text,'to send all the same, set expireTime and sendStatus = ''wait'''::text)) causes(errcode, said, cause, nextstep, causeenglish, nextstepenglish);

-- Name: VIEW submsgcause; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.submsgcause IS 'Why messages fail, in plain words, and what to do';

-- Name: COLUMN submsgcause.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgcause.errcode IS 'WeChat''s errcode; null when it is submsg that says so';

-- Name: COLUMN submsgcause.said; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgcause.said IS 'What sendStatusMsg holds then, where there is no errcode';

-- Name: COLUMN submsgcause.cause; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgcause.cause IS 'What happened';

-- Name: COLUMN submsgcause.nextstep; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgcause.nextstep IS 'What to do';

-- Name: COLUMN submsgcause.causeenglish; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgcause.causeenglish IS 'What happened, in English';

-- Name: COLUMN submsgcause.nextstepenglish; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgcause.nextstepenglish IS 'What to do, in English';

-- Name: submsgclaim; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgclaim (
    claimid uuid NOT NULL,
    leaseuntil timestamp with time zone NOT NULL,
    ids bigint[] NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_analyze_scale_factor='1');

-- Name: TABLE submsgclaim; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgclaim IS 'Messages that were taken together to be sent; kept by submsg';

-- Name: COLUMN submsgclaim.claimid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgclaim.claimid IS 'As in subMsgList';

-- Name: COLUMN submsgclaim.leaseuntil; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgclaim.leaseuntil IS 'When its messages that are still being sent become unknown';

-- Name: COLUMN submsgclaim.ids; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgclaim.ids IS 'Their ids';

-- Name: submsglist; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsglist (
    id bigint NOT NULL,
    openid text NOT NULL,
    templateid text NOT NULL,
    parameterarr text[] DEFAULT '{}'::text[] NOT NULL,
    sendstatus text DEFAULT 'wait'::text NOT NULL,
    sendstatusmsg text,
    errcode integer,
    sendtime timestamp with time zone,
    createtime timestamp with time zone DEFAULT now() NOT NULL,
    updatetime timestamp with time zone DEFAULT now() NOT NULL,
    sendafter timestamp with time zone DEFAULT now() NOT NULL,
    expiretime timestamp with time zone,
    page text,
    dedupkey text,
    attempts integer DEFAULT 0 NOT NULL,
    msgid bigint,
    claimid uuid,
    leaseuntil timestamp with time zone,
    dueat timestamp with time zone GENERATED ALWAYS AS (
CASE
    WHEN (sendstatus = 'wait'::text) THEN sendafter
    ELSE NULL::timestamp with time zone
END) STORED,
    traceparent text DEFAULT "left"(NULLIF(current_setting('submsg.traceparent'::text, true), ''::text), 55),
    CONSTRAINT attempts_is_not_negative CHECK ((attempts >= 0)),
    CONSTRAINT dedupkey_is_1_to_256_characters CHECK (((length(dedupkey) >= 1) AND (length(dedupkey) <= 256))),
    CONSTRAINT openid_is_1_to_64_ascii_characters_without_white_space CHECK (((octet_length(openid) <= 64) AND (openid ~ '^[!-~]+$'::text))),
    CONSTRAINT page_is_at_most_1024_characters CHECK ((length(page) <= 1024)),
    CONSTRAINT parameterarr_is_a_plain_list_without_null CHECK (((array_ndims(parameterarr) = 1) AND (array_position(parameterarr, NULL::text) IS NULL))),
    CONSTRAINT parameterarr_is_at_most_32_values_and_8192_bytes CHECK (((cardinality(parameterarr) <= 32) AND (octet_length(array_to_string(parameterarr, ''::text)) <= 8192))),
    CONSTRAINT sending_and_only_sending_has_a_claim_with_a_lease CHECK ((((sendstatus = 'sending'::text) = (leaseuntil IS NOT NULL)) AND ((leaseuntil IS NULL) OR (claimid IS NOT NULL)))),
    CONSTRAINT sendstatus_is_wait_sending_success_fail_unknown_cancel_expired CHECK ((sendstatus = ANY ('{wait,sending,success,fail,unknown,cancel,expired}'::text[]))),
    CONSTRAINT templateid_is_1_to_64_characters_without_white_space CHECK (((length(templateid) <= 64) AND (templateid ~ '^[^[:space:][:cntrl:]]+$'::text)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='5000', autovacuum_analyze_scale_factor='0.05');

-- Name: TABLE submsglist; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsglist IS 'Messages to WeChat users: insert (openid, templateId, parameterArr), submsg sends and writes sendStatus';

-- Name: COLUMN submsglist.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.id IS 'In the order of insertion, nearly';

-- Name: COLUMN submsglist.openid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.openid IS 'Who: the user''s openid for this mini-program';

-- Name: COLUMN submsglist.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.templateid IS 'Which template: WeChat''s template id, or the name in the template file';

-- Name: COLUMN submsglist.parameterarr; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.parameterarr IS 'The values, in the order of the template''s params';

-- Name: COLUMN submsglist.sendstatus; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.sendstatus IS 'wait, sending, success, fail, unknown, cancel, expired. By hand: wait sends (again), cancel calls off';

-- Name: COLUMN submsglist.sendstatusmsg; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.sendstatusmsg IS 'What WeChat or submsg said, for people';

-- Name: COLUMN submsglist.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.errcode IS 'WeChat''s errcode; null when WeChat did not answer';

-- Name: COLUMN submsglist.sendtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.sendtime IS 'When the outcome was known';

-- Name: COLUMN submsglist.createtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.createtime IS 'When the row was inserted';

-- Name: COLUMN submsglist.updatetime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.updatetime IS 'When the row was last changed, by whomever';

-- Name: COLUMN submsglist.sendafter; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.sendafter IS 'Not before: a schedule, or the next try';

-- Name: COLUMN submsglist.expiretime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.expiretime IS 'Never send after this';

-- Name: COLUMN submsglist.page; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.page IS 'Page to open instead of the template''s';

-- Name: COLUMN submsglist.dedupkey; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.dedupkey IS 'Unique: insert with ON CONFLICT DO NOTHING to have one message a key';

-- Name: COLUMN submsglist.attempts; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.attempts IS 'Tries so far';

-- Name: COLUMN submsglist.msgid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.msgid IS 'WeChat''s msgid of the accepted message';

-- Name: COLUMN submsglist.claimid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.claimid IS 'Who sends, or last sent, this row; written by submsg';

-- Name: COLUMN submsglist.leaseuntil; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.leaseuntil IS 'While sending: until when it can''t be changed; written by submsg';

-- Name: COLUMN submsglist.dueat; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.dueat IS 'While waiting: sendAfter; kept by the database';

-- Name: COLUMN submsglist.traceparent; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsglist.traceparent IS 'The trace that it belongs to, as W3C''s traceparent; by default the setting submsg.traceparent of the transaction';

-- Name: submsgpause; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgpause (
    templateid text NOT NULL,
    reason text NOT NULL,
    errcode integer,
    pausedat timestamp with time zone DEFAULT now() NOT NULL,
    probeat timestamp with time zone NOT NULL,
    probes integer DEFAULT 0 NOT NULL
);

-- Name: TABLE submsgpause; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgpause IS 'What is paused: its messages wait. DELETE a row to lift its pause';

-- Name: COLUMN submsgpause.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.templateid IS 'As written in subMsgList; * is every template';

-- Name: COLUMN submsgpause.reason; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.reason IS 'What WeChat or submsg said, for people';

-- Name: COLUMN submsgpause.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.errcode IS 'WeChat''s errcode';

-- Name: COLUMN submsgpause.pausedat; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.pausedat IS 'Since when';

-- Name: COLUMN submsgpause.probeat; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.probeat IS 'When one message is tried next; infinity: never, until a person lifts the pause';

-- Name: COLUMN submsgpause.probes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.probes IS 'Tries since pausedAt';

-- Name: submsgrecent; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.submsgrecent WITH (security_invoker='true') AS
 WITH newest AS MATERIALIZED (
         SELECT submsglist.id,
            submsglist.templateid,
            submsglist.sendstatus,
            submsglist.sendstatusmsg,
            submsglist.errcode,
            submsglist.createtime,
            submsglist.sendtime
           FROM public.submsglist
          ORDER BY submsglist.id DESC
         LIMIT 10000
        ), first AS (
         SELECT due.id,
            (due.id - lag(due.id) OVER (ORDER BY due.id)) AS gap
           FROM ( SELECT submsglist.id,
                    submsglist.templateid
                   FROM public.submsglist
                  WHERE (submsglist.dueat <= now())
                  ORDER BY submsglist.dueat, submsglist.id
                 LIMIT 10000) due
          WHERE (NOT (due.templateid IN ( SELECT submsgpause.templateid
                   FROM public.submsgpause)))
        ), below AS MATERIALIZED (
         SELECT
                CASE
                    WHEN (count(*) FILTER (WHERE (newest.sendstatus = 'wait'::text)) > 5000) THEN LEAST(min(newest.id), ( SELECT max(first.id) AS max
                       FROM first
                      WHERE ((first.gap > 100) OR (first.gap IS NULL))))
                    ELSE min(newest.id)
                END AS id
           FROM newest
        ), before AS (
         SELECT submsglist.id,
            submsglist.templateid,
            submsglist.sendstatus,
            submsglist.sendstatusmsg,
            submsglist.errcode,
            submsglist.createtime,
            submsglist.sendtime
           FROM public.submsglist
          WHERE (submsglist.id < ( SELECT below.id
                   FROM below))
          ORDER BY submsglist.id DESC
         LIMIT 10000
        )
 SELECT newest.id,
    newest.templateid,
    newest.sendstatus,
    newest.sendstatusmsg,
    newest.errcode,
    newest.createtime,
    newest.sendtime
   FROM newest
UNION ALL
 SELECT before.id,
    before.templateid,
    before.sendstatus,
    before.sendstatusmsg,
    before.errcode,
    before.createtime,
    before.sendtime
   FROM before;

-- Name: VIEW submsgrecent; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.submsgrecent IS 'The messages inserted last, and those sent last before a backlog: 20,000 at most, whatever the size of subMsgList';

-- Name: COLUMN submsgrecent.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.id IS 'As in subMsgList';

-- Name: COLUMN submsgrecent.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.templateid IS 'As in subMsgList';

-- Name: COLUMN submsgrecent.sendstatus; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.sendstatus IS 'As in subMsgList';

-- Name: COLUMN submsgrecent.sendstatusmsg; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.sendstatusmsg IS 'As in subMsgList';

-- Name: COLUMN submsgrecent.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.errcode IS 'As in subMsgList';

-- Name: COLUMN submsgrecent.createtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.createtime IS 'As in subMsgList';

-- Name: COLUMN submsgrecent.sendtime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrecent.sendtime IS 'As in subMsgList';

-- Name: submsgfailures; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.submsgfailures WITH (security_invoker='true') AS
 WITH failed AS (
         SELECT submsgrecent.sendstatus,
            submsgrecent.errcode,
            submsgrecent.templateid,
            submsgrecent.id,
            submsgrecent.sendtime,
                CASE
                    WHEN (submsgrecent.errcode IS NULL) THEN split_part(regexp_replace(COALESCE(submsgrecent.sendstatusmsg, ''::text), '^已重试 [0-9]+ 次，不再重试： '::text, ''::text), ' ('::text, 1)
                    ELSE NULL::text
                END AS said
           FROM public.submsgrecent
          WHERE (submsgrecent.sendstatus = ANY (ARRAY['fail'::text, 'unknown'::text, 'expired'::text]))
        ), counted AS (
         SELECT failed.sendstatus,
            failed.errcode,
            failed.said,
            failed.templateid,
            count(*) AS n,
            count(*) FILTER (WHERE (failed.sendtime > (now() - '01:00:00'::interval))) AS lasthour,
            min(failed.sendtime) AS oldest,
            max(failed.sendtime) AS newest,
            min(failed.id) AS lowest,
            max(failed.id) AS highest
           FROM failed
          GROUP BY failed.sendstatus, failed.errcode, failed.said, failed.templateid
        ), explained AS (
         SELECT f.sendstatus,
            f.errcode,
            f.said,
            f.templateid,
            f.n,
            f.lasthour,
            f.oldest,
            f.newest,
            f.lowest,
            f.highest,
            COALESCE(c.said, f.said) AS words,
            c.nextstep,
            c.nextstepenglish,
            COALESCE(c.cause, NULLIF(f.said, ''::text), ('微信返回了未收录的错误码 '::text || f.errcode), '原因未记录'::text) AS cause,
            COALESCE(c.causeenglish, NULLIF(f.said, ''::text), ('WeChat answered with an unknown errcode '::text || f.errcode), 'no reason was written'::text) AS causeenglish
           FROM (counted f
             LEFT JOIN LATERAL ( SELECT c_1.errcode,
                    c_1.said,
                    c_1.cause,
                    c_1.nextstep,
                    c_1.causeenglish,
                    c_1.nextstepenglish
                   FROM public.submsgcause c_1
                  WHERE ((c_1.errcode = f.errcode) OR ((f.errcode IS NULL) AND (POSITION((c_1.said) IN (f.said)) > 0)))
                 LIMIT 1) c ON (true))
        )
 SELECT explained.cause,
    explained.sendstatus,
    explained.errcode,
    (sum(explained.n))::bigint AS count,
    (sum(explained.lasthour))::bigint AS lasthour,
    min(explained.oldest) AS oldest,
    max(explained.newest) AS newest,
    array_agg(DISTINCT explained.templateid ORDER BY explained.templateid) AS templateids,
    max(explained.highest) AS exampleid,
    COALESCE(explained.nextstep, '查阅微信文档中的错误码后再决定'::text) AS nextstep,
    (format('UPDATE subMsgList SET sendStatus = ''wait''%s WHERE id BETWEEN %s AND %s AND sendStatus = %L AND '::text,
        CASE explained.sendstatus
            WHEN 'expired'::text THEN ', expireTime = NULL'::text
            ELSE NULL::text
        END, min(explained.lowest), max(explained.highest), explained.sendstatus) ||
        CASE
            WHEN (explained.errcode IS NOT NULL) THEN format('errCode = %s;'::text, explained.errcode)
            WHEN (explained.words = ''::text) THEN 'errCode IS NULL AND coalesce(sendStatusMsg, '''') = '''';'::text
            ELSE format('errCode IS NULL AND position(%L IN sendStatusMsg) > 0;'::text, explained.words)
        END) AS sendagain,
    explained.causeenglish,
    COALESCE(explained.nextstepenglish, 'look the errcode up in WeChat''s documents'::text) AS nextstepenglish
   FROM explained
  GROUP BY explained.cause, explained.causeenglish, explained.sendstatus, explained.errcode, explained.words, explained.nextstep, explained.nextstepenglish
  ORDER BY ((sum(explained.n))::bigint) DESC, (max(explained.newest)) DESC;

-- Name: VIEW submsgfailures; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.submsgfailures IS 'What went wrong with the messages of subMsgRecent: failed, unknown, expired, by cause';

-- Name: COLUMN submsgfailures.cause; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.cause IS 'What happened';

-- Name: COLUMN submsgfailures.sendstatus; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.sendstatus IS 'fail, unknown or expired';

-- Name: COLUMN submsgfailures.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.errcode IS 'WeChat''s errcode; null when WeChat did not answer';

-- Name: COLUMN submsgfailures.count; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.count IS 'How many messages';

-- Name: COLUMN submsgfailures.lasthour; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.lasthour IS 'How many of them within the last hour';

-- Name: COLUMN submsgfailures.oldest; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.oldest IS 'When it happened first';

-- Name: COLUMN submsgfailures.newest; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.newest IS 'When it happened last';

-- Name: COLUMN submsgfailures.templateids; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.templateids IS 'Messages of which templates';

-- Name: COLUMN submsgfailures.exampleid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.exampleid IS 'The id of one of them, the newest';

-- Name: COLUMN submsgfailures.nextstep; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.nextstep IS 'What to do';

-- Name: COLUMN submsgfailures.sendagain; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.sendagain IS 'The statement that sends them again, once the cause is gone';

-- Name: COLUMN submsgfailures.causeenglish; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.causeenglish IS 'What happened, in English';

-- Name: COLUMN submsgfailures.nextstepenglish; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgfailures.nextstepenglish IS 'What to do, in English';

-- Name: submsghealth; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.submsghealth AS
SELECT
    NULL::text AS name,
    NULL::text COLLATE pg_catalog."C" AS value,
    NULL::text AS state,
    NULL::text COLLATE pg_catalog."C" AS remark,
    NULL::text COLLATE pg_catalog."C" AS remarkenglish;

-- Name: VIEW submsghealth; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.submsghealth IS 'Whether messages go out, one line a fact; what needs a person has state warn';

-- Name: COLUMN submsghealth.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghealth.name IS 'Of what';

-- Name: COLUMN submsghealth.value; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghealth.value IS 'How much, or which';

-- Name: COLUMN submsghealth.state; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghealth.state IS 'ok or warn';

-- Name: COLUMN submsghealth.remark; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghealth.remark IS 'What it means, or what to do';

-- Name: COLUMN submsghealth.remarkenglish; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghealth.remarkenglish IS 'The same in English';

-- Name: submsgheld; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgheld (
    ruleid bigint NOT NULL,
    rowkey jsonb NOT NULL,
    messageid bigint NOT NULL,
    due timestamp with time zone NOT NULL
);

-- Name: TABLE submsgheld; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgheld IS 'Messages within the hold window of their rule; kept by subMsgRule_fire()';

-- Name: COLUMN submsgheld.ruleid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgheld.ruleid IS 'Which rule';

-- Name: COLUMN submsgheld.rowkey; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgheld.rowkey IS 'Which row of its table';

-- Name: COLUMN submsgheld.messageid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgheld.messageid IS 'Its message';

-- Name: COLUMN submsgheld.due; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgheld.due IS 'Until when it is held';

-- Name: submsghome; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsghome (
    id smallint DEFAULT 1 NOT NULL,
    systemidentifier bigint,
    databaseoid oid NOT NULL,
    listoid oid NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT submsghome_id_check CHECK ((id = 1))
);

-- Name: TABLE submsghome; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsghome IS 'Where these messages live, in one row; kept by submsg, which pauses everything in a copy. None: submsg serve has not run yet';

-- Name: COLUMN submsghome.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghome.id IS 'Always 1';

-- Name: COLUMN submsghome.systemidentifier; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghome.systemidentifier IS 'Of the cluster, by pg_control_system(); null where submsg may not ask';

-- Name: COLUMN submsghome.databaseoid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghome.databaseoid IS 'Of the database, as in pg_database';

-- Name: COLUMN submsghome.listoid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghome.listoid IS 'Of subMsgList, as in pg_class';

-- Name: COLUMN submsghome.since; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsghome.since IS 'When submsg serve began here; in a copy, when it noticed';

-- Name: submsglist_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.submsglist ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.submsglist_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: submsgpace; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgpace (
    id smallint DEFAULT 1 NOT NULL,
    spentuntil timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT submsgpace_id_check CHECK ((id = 1))
);

-- Name: TABLE submsgpace; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgpace IS 'What SUBMSG_RATE has let go so far, in one row; kept by submsg';

-- Name: COLUMN submsgpace.id; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpace.id IS 'Always 1';

-- Name: COLUMN submsgpace.spentuntil; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpace.spentuntil IS 'The rate is used up until then: in the past, it rests; a second ahead, the next message waits';

-- Name: submsgtemplate; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgtemplate (
    templateid text NOT NULL,
    name text NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    params text[] DEFAULT '{}'::text[] NOT NULL,
    seentime timestamp with time zone DEFAULT now() NOT NULL
);

-- Name: TABLE submsgtemplate; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgtemplate IS 'The templates that submsg serve last read from its files; rules are checked against them';

-- Name: COLUMN submsgtemplate.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgtemplate.templateid IS 'WeChat''s template id';

-- Name: COLUMN submsgtemplate.name; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgtemplate.name IS 'The name in its file';

-- Name: COLUMN submsgtemplate.title; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgtemplate.title IS 'The title of its card';

-- Name: COLUMN submsgtemplate.params; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgtemplate.params IS 'The meaning of parameterArr, in order';

-- Name: COLUMN submsgtemplate.seentime; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgtemplate.seentime IS 'When they were last published';

-- Name: submsgpaused; Type: VIEW; Schema: public; Owner: -

CREATE VIEW public.submsgpaused WITH (security_invoker='true') AS
 WITH first AS MATERIALIZED (
         SELECT looked.templateid,
            count(*) AS n
           FROM ( SELECT submsglist.templateid
                   FROM public.submsglist
                  WHERE (submsglist.dueat IS NOT NULL)
                  ORDER BY submsglist.dueat, submsglist.id
                 LIMIT 10000) looked
          GROUP BY looked.templateid
        ), pause AS (
         SELECT
                CASE p.templateid
                    WHEN '*'::text THEN '全部模板 (every template)'::text
                    ELSE COALESCE(TRIM(BOTH FROM ((t.name || ' '::text) || t.title)), p.templateid)
                END AS what,
            array_agg(p.templateid ORDER BY p.templateid) AS ids,
            (array_agg(p.reason ORDER BY (p.probeat = 'infinity'::timestamp with time zone) DESC, p.pausedat DESC, p.templateid))[1] AS reason,
            (array_agg(p.errcode ORDER BY (p.probeat = 'infinity'::timestamp with time zone) DESC, p.pausedat DESC, p.templateid))[1] AS errcode,
            min(p.pausedat) AS pausedat,
            max(p.probeat) AS probeat,
            (sum(p.probes))::integer AS probes
           FROM (public.submsgpause p
             LEFT JOIN public.submsgtemplate t ON (((p.templateid = t.templateid) OR (p.templateid = t.name))))
          GROUP BY COALESCE(t.templateid, p.templateid),
                CASE p.templateid
                    WHEN '*'::text THEN '全部模板 (every template)'::text
                    ELSE COALESCE(TRIM(BOTH FROM ((t.name || ' '::text) || t.title)), p.templateid)
                END
        )
 SELECT pause.what,
    pause.ids[1] AS templateid,
    pause.reason AS why,
    pause.errcode,
    pause.pausedat AS since,
    pause.probeat AS nextprobe,
    pause.probes,
    ( SELECT (COALESCE(sum(f.n), (0)::numeric))::bigint AS "coalesce"
           FROM first f
          WHERE (('*'::text = pause.ids[1]) OR (f.templateid = ANY (pause.ids)))) AS waiting,
    ( SELECT (COALESCE(sum(first.n), (0)::numeric))::bigint AS "coalesce"
           FROM first) AS waitingof,
        CASE cardinality(pause.ids)
            WHEN 1 THEN format('DELETE FROM subMsgPause WHERE templateId = %L;'::text, pause.ids[1])
            ELSE format('DELETE FROM subMsgPause WHERE templateId IN (%s);'::text, ( SELECT string_agg(quote_literal(id.id), ', '::text) AS string_agg
               FROM unnest(pause.ids) id(id)))
        END AS lift
   FROM pause
  ORDER BY (pause.ids[1] <> '*'::text), pause.pausedat, pause.ids[1];

-- Name: VIEW submsgpaused; Type: COMMENT; Schema: public; Owner: -

COMMENT ON VIEW public.submsgpaused IS 'What is paused, why, and how to let it go on. What WeChat has stopped goes on by itself when a probe succeeds; where nextProbe is infinity, a person has to look first';

-- Name: COLUMN submsgpaused.what; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.what IS 'Every template, or which one';

-- Name: COLUMN submsgpaused.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.templateid IS 'As in subMsgPause, one of them where it is paused under its id and its name';

-- Name: COLUMN submsgpaused.why; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.why IS 'What WeChat or submsg said, for people';

-- Name: COLUMN submsgpaused.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.errcode IS 'WeChat''s errcode';

-- Name: COLUMN submsgpaused.since; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.since IS 'Since when';

-- Name: COLUMN submsgpaused.nextprobe; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.nextprobe IS 'When one message is tried next; infinity: never';

-- Name: COLUMN submsgpaused.probes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.probes IS 'Tries since then';

-- Name: COLUMN submsgpaused.waiting; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.waiting IS 'How many messages wait for it, of those looked at';

-- Name: COLUMN submsgpaused.waitingof; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.waitingof IS 'How many waiting messages were looked at: the first 10,000';

-- Name: COLUMN submsgpaused.lift; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpaused.lift IS 'The statement that lets it go on now';

-- Name: submsgrule_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.submsgrule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.submsgrule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: submsgruleerror_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.submsgruleerror ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.submsgruleerror_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: submsgwake; Type: SEQUENCE; Schema: public; Owner: -

CREATE SEQUENCE public.submsgwake
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    MAXVALUE 2
    CACHE 1;

-- Name: SEQUENCE submsgwake; Type: COMMENT; Schema: public; Owner: -

COMMENT ON SEQUENCE public.submsgwake IS 'Flag: 1 = a consumer of subMsgList sleeps and wants a NOTIFY; kept by submsg';

-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

-- Name: submsgclaim submsgclaim_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgclaim
    ADD CONSTRAINT submsgclaim_pkey PRIMARY KEY (claimid);

-- Name: submsgheld submsgheld_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgheld
    ADD CONSTRAINT submsgheld_pkey PRIMARY KEY (ruleid, rowkey);

-- Name: submsghome submsghome_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsghome
    ADD CONSTRAINT submsghome_pkey PRIMARY KEY (id);

-- Name: submsglist submsglist_dedupkey_key; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsglist
    ADD CONSTRAINT submsglist_dedupkey_key UNIQUE (dedupkey);

-- Name: submsglist submsglist_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsglist
    ADD CONSTRAINT submsglist_pkey PRIMARY KEY (id);

-- Name: submsgpace submsgpace_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgpace
    ADD CONSTRAINT submsgpace_pkey PRIMARY KEY (id);

-- Name: submsgpause submsgpause_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgpause
    ADD CONSTRAINT submsgpause_pkey PRIMARY KEY (templateid);

-- Name: submsgrule submsgrule_name_key; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgrule
    ADD CONSTRAINT submsgrule_name_key UNIQUE (name);

-- Name: submsgrule submsgrule_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgrule
    ADD CONSTRAINT submsgrule_pkey PRIMARY KEY (id);

-- Name: submsgruleerror submsgruleerror_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgruleerror
    ADD CONSTRAINT submsgruleerror_pkey PRIMARY KEY (id);

-- Name: submsgtemplate submsgtemplate_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgtemplate
    ADD CONSTRAINT submsgtemplate_pkey PRIMARY KEY (templateid);

-- Name: submsglist traceparent_is_at_most_55_characters; Type: CHECK CONSTRAINT; Schema: public; Owner: -

ALTER TABLE public.submsglist
    ADD CONSTRAINT traceparent_is_at_most_55_characters CHECK ((length(traceparent) <= 55)) NOT VALID;

-- Name: submsgheld_due; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsgheld_due ON public.submsgheld USING btree (due);

-- Name: submsglist_due; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsglist_due ON public.submsglist USING btree (dueat, id) WHERE (dueat IS NOT NULL);

-- Name: submsglist_expiring; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsglist_expiring ON public.submsglist USING btree (expiretime) WHERE ((dueat IS NOT NULL) AND (expiretime IS NOT NULL));

-- Name: submsgrule_tablename; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsgrule_tablename ON public.submsgrule USING btree (tablename);

-- Name: submsgruleerror_row; Type: INDEX; Schema: public; Owner: -

CREATE UNIQUE INDEX submsgruleerror_row ON public.submsgruleerror USING btree (ruleid, rowkey);

-- Name: submsghealth _RETURN; Type: RULE; Schema: public; Owner: -

CREATE OR REPLACE VIEW public.submsghealth WITH (security_invoker='true') AS
 WITH backlog AS MATERIALIZED (
         SELECT count(*) AS waiting,
            count(*) FILTER (WHERE (first.dueat <= now())) AS due,
            ( SELECT (GREATEST(pg_class.reltuples, (0)::real))::bigint AS "greatest"
                   FROM pg_class
                  WHERE (pg_class.oid = ('public.submsglist_due'::regclass)::oid)) AS estimate
           FROM ( SELECT submsglist.dueat
                   FROM public.submsglist
                  WHERE (submsglist.dueat IS NOT NULL)
                  ORDER BY submsglist.dueat, submsglist.id
                 LIMIT 10001) first
        ), first_due AS MATERIALIZED (
         SELECT (now() - min(GREATEST(first.dueat, '1970-01-01 00:00:00+00'::timestamp with time zone))) AS late
           FROM ( SELECT submsglist.dueat
                   FROM public.submsglist
                  WHERE (submsglist.dueat <= now())
                  ORDER BY submsglist.dueat, submsglist.id
                 LIMIT 1) first
        ), sending AS MATERIALIZED (
         SELECT count(*) AS n,
            count(*) FILTER (WHERE (m.leaseuntil < (clock_timestamp() - '00:00:10'::interval))) AS overdue
           FROM (public.submsgclaim c
             CROSS JOIN LATERAL ( SELECT submsglist.leaseuntil
                   FROM public.submsglist
                  WHERE ((submsglist.id = ANY (c.ids)) AND (submsglist.claimid = c.claimid) AND (submsglist.sendstatus = 'sending'::text))
                 OFFSET 0) m)
        ), listening AS MATERIALIZED (
         SELECT count(*) FILTER (WHERE (pg_stat_activity.application_name = 'submsg listener'::text)) AS listeners,
            count(*) FILTER (WHERE (pg_stat_activity.application_name = 'submsg'::text)) AS others
           FROM pg_stat_activity
          WHERE ((pg_stat_activity.datname = current_database()) AND (pg_stat_activity.application_name = ANY (ARRAY['submsg'::text, 'submsg listener'::text])))
        ), long AS (
         SELECT (pg_stat_activity.pid)::text AS who,
            concat_ws(', '::text, pg_stat_activity.usename, NULLIF(pg_stat_activity.application_name, ''::text)) AS login,
            (clock_timestamp() - pg_stat_activity.xact_start) AS age,
            pg_stat_activity.state,
            "left"(regexp_replace(pg_stat_activity.query, '\s+'::text, ' '::text, 'g'::text), 120) AS query,
            ((pg_stat_activity.backend_xmin IS NOT NULL) OR (pg_stat_activity.backend_xid IS NOT NULL)) AS holds
           FROM pg_stat_activity
          WHERE ((pg_stat_activity.datname = current_database()) AND (pg_stat_activity.pid <> pg_backend_pid()) AND (COALESCE(pg_stat_activity.backend_type, 'client backend'::text) = 'client backend'::text) AND ((pg_stat_activity.xact_start < (clock_timestamp() - '00:01:00'::interval)) OR (GREATEST(age(pg_stat_activity.backend_xmin), age(pg_stat_activity.backend_xid)) > 10000)) AND ((pg_stat_activity.backend_xmin IS NOT NULL) OR (pg_stat_activity.backend_xid IS NOT NULL) OR (pg_stat_activity.state ~~ 'idle in transaction%'::text)))
        UNION ALL
         SELECT ('prepared '::text || pg_prepared_xacts.gid),
            (pg_prepared_xacts.owner)::text AS owner,
            (clock_timestamp() - pg_prepared_xacts.prepared),
            'prepared'::text,
            format('ROLLBACK PREPARED %L'::text, pg_prepared_xacts.gid) AS format,
            true
           FROM pg_prepared_xacts
          WHERE ((pg_prepared_xacts.database = current_database()) AND (pg_prepared_xacts.prepared < (clock_timestamp() - '00:01:00'::interval)))
        UNION ALL
         SELECT ('slot '::text || (pg_replication_slots.slot_name)::text),
            NULL::text,
            NULL::interval,
            'inactive'::text,
            format('SELECT pg_drop_replication_slot(%L)'::text, pg_replication_slots.slot_name) AS format,
            true
           FROM pg_replication_slots
          WHERE ((NOT pg_replication_slots.active) AND (pg_replication_slots.xmin IS NOT NULL))
        ), guard AS (
         SELECT wanted.name,
            wanted.relation,
            pg_trigger.tgenabled
           FROM (( VALUES ('submsglist_by_hand'::text,'public.submsglist'::regclass), ('submsglist_wake_insert'::text,'public.submsglist'::regclass), ('submsgpause_wake'::text,'public.submsgpause'::regclass), ('submsgpause_wake_truncate'::text,'public.submsgpause'::regclass), ('submsgpause_wake_update'::text,'public.submsgpause'::regclass), ('submsgrule_insert'::text,'public.submsgrule'::regclass), ('submsgrule_update'::text,'public.submsgrule'::regclass), ('submsgrule_armed'::text,'public.submsgrule'::regclass), ('submsgrule_rearmed'::text,'public.submsgrule'::regclass)) wanted(name, relation)
             LEFT JOIN pg_trigger ON (((pg_trigger.tgrelid = (wanted.relation)::oid) AND (pg_trigger.tgname = wanted.name))))
        )
 SELECT 'waiting'::text AS name,
        CASE
            WHEN (backlog.waiting > 10000) THEN '> 10000'::text
            ELSE (backlog.waiting)::text
        END AS value,
    'ok'::text AS state,
        CASE
            WHEN ((backlog.waiting > 10000) AND (backlog.estimate > 10000)) THEN format('约 %s 条（统计信息的估计）'::text, backlog.estimate)
            ELSE '等待发送的消息'::text
        END AS remark,
        CASE
            WHEN ((backlog.waiting > 10000) AND (backlog.estimate > 10000)) THEN format('about %s, by the planner''s statistics'::text, backlog.estimate)
            ELSE 'messages to be sent'::text
        END AS remarkenglish
   FROM backlog
UNION ALL
 SELECT 'due'::text AS name,
        CASE
            WHEN (backlog.due > 10000) THEN '> 10000'::text
            ELSE (backlog.due)::text
        END AS value,
    'ok'::text AS state,
    '其中已到发送时间的'::text AS remark,
    'of these, messages whose time has come'::text AS remarkenglish
   FROM backlog
UNION ALL
 SELECT 'oldest due'::text AS name,
    COALESCE((date_trunc('second'::text, first_due.late))::text, '-'::text) AS value,
        CASE
            WHEN (first_due.late > '00:05:00'::interval) THEN 'warn'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN (first_due.late > '00:05:00'::interval) THEN '最早到期的消息还未发送：看 subMsgPaused，以及 submsg serve 是否在运行'::text
            ELSE '最早到期的消息已等多久'::text
        END AS remark,
        CASE
            WHEN (first_due.late > '00:05:00'::interval) THEN 'what was due first is not sent yet: see subMsgPaused, and whether submsg serve runs'::text
            ELSE 'how long the one that was due first has waited'::text
        END AS remarkenglish
   FROM first_due
UNION ALL
 SELECT 'sending'::text AS name,
    (sending.n)::text AS value,
        CASE
            WHEN (sending.overdue > 0) THEN 'warn'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN (sending.overdue > 0) THEN format('%s 条已超过租约仍未结束：submsg serve 是否在运行'::text, sending.overdue)
            ELSE '正在发送'::text
        END AS remark,
        CASE
            WHEN (sending.overdue > 0) THEN format('%s of them longer than their lease: does submsg serve run?'::text, sending.overdue)
            ELSE 'messages being sent now'::text
        END AS remarkenglish
   FROM sending
UNION ALL
 SELECT 'listeners'::text AS name,
    (listening.listeners)::text AS value,
        CASE
            WHEN (listening.listeners = 0) THEN 'warn'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN (listening.listeners > 0) THEN '正在监听唤醒的 submsg serve'::text
            WHEN (listening.others > 0) THEN '没有 submsg serve 在监听，消息只靠轮询发现，最多晚 2 秒：检查 SUBMSG_LISTEN_URL'::text
            ELSE '没有 submsg serve 连接到本数据库：启动它'::text
        END AS remark,
        CASE
            WHEN (listening.listeners > 0) THEN 'processes of submsg serve that listen for wakes'::text
            WHEN (listening.others > 0) THEN 'no submsg serve listens, messages are found by polling, up to 2 s later: check SUBMSG_LISTEN_URL'::text
            ELSE 'no submsg serve is connected to this database: start it'::text
        END AS remarkenglish
   FROM listening
UNION ALL
 SELECT 'notification queue'::text AS name,
    (round(((used.used)::numeric * (100)::numeric), 1) || '%'::text) AS value,
        CASE
            WHEN (used.used >= (0.5)::double precision) THEN 'warn'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN (used.used >= (0.5)::double precision) THEN '通知队列过半，唤醒已停：结束执行过 LISTEN 且停在事务中的会话'::text
            ELSE '服务器的通知队列'::text
        END AS remark,
        CASE
            WHEN (used.used >= (0.5)::double precision) THEN 'half full, so nobody is woken: end the session that listens and is idle in a transaction'::text
            ELSE 'of the server, how full it is'::text
        END AS remarkenglish
   FROM pg_notification_queue_usage() used(used)
UNION ALL
 SELECT 'paused'::text AS name,
    (pauses.n)::text AS value,
        CASE
            WHEN (pauses.n > 0) THEN 'warn'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN (pauses.n > 0) THEN '已暂停的模板，或全部：原因与办法看 subMsgPaused'::text
            ELSE '没有暂停'::text
        END AS remark,
        CASE
            WHEN (pauses.n > 0) THEN 'templates that wait, or everything: subMsgPaused says why, and what to do'::text
            ELSE 'nothing is paused'::text
        END AS remarkenglish
   FROM ( SELECT count(DISTINCT COALESCE(t.templateid, p.templateid)) AS count
           FROM (public.submsgpause p
             LEFT JOIN public.submsgtemplate t ON (((p.templateid = t.templateid) OR (p.templateid = t.name))))) pauses(n)
UNION ALL
 SELECT 'long transaction'::text AS name,
    long.who AS value,
    'warn'::text AS state,
    format((
        CASE
            WHEN long.holds THEN '使死行不能清理，发送会越来越慢：'::text
            ELSE '一直未结束，占着的锁会使升级等待：'::text
        END || '%s，%s，已 %s，%s'::text), COALESCE(NULLIF(long.login, ''::text), '?'::text), COALESCE(long.state, '?'::text), COALESCE((date_trunc('second'::text, long.age))::text, '?'::text), COALESCE(long.query, '?'::text)) AS remark,
    format((
        CASE
            WHEN long.holds THEN 'keeps dead rows from being removed, sending gets slower and slower'::text
            ELSE 'stands open, and an upgrade waits for its locks'::text
        END || ': %s, %s, for %s, %s'::text), COALESCE(NULLIF(long.login, ''::text), '?'::text), COALESCE(long.state, '?'::text), COALESCE((date_trunc('second'::text, long.age))::text, '?'::text), COALESCE(long.query, '?'::text)) AS remarkenglish
   FROM long
UNION ALL
 SELECT 'dead rows'::text AS name,
    (tuples.dead)::text AS value,
        CASE
            WHEN ((tuples.dead)::numeric > ((50000)::numeric + (0.2 * (tuples.live)::numeric))) THEN 'warn'::text
            ELSE 'ok'::text
        END AS state,
        CASE
            WHEN ((tuples.dead)::numeric > ((50000)::numeric + (0.2 * (tuples.live)::numeric))) THEN 'subMsgList 的死行过多：检查 autovacuum 与长事务'::text
            ELSE 'subMsgList 中待清理的旧版本'::text
        END AS remark,
        CASE
            WHEN ((tuples.dead)::numeric > ((50000)::numeric + (0.2 * (tuples.live)::numeric))) THEN 'too many in subMsgList: check autovacuum and long transactions'::text
            ELSE 'old versions in subMsgList that vacuum will remove'::text
        END AS remarkenglish
   FROM ( SELECT pg_stat_get_dead_tuples(('public.submsglist'::regclass)::oid) AS pg_stat_get_dead_tuples,
            pg_stat_get_live_tuples(('public.submsglist'::regclass)::oid) AS pg_stat_get_live_tuples) tuples(dead, live)
UNION ALL
 SELECT 'triggers'::text AS name,
    ((count(*) FILTER (WHERE (guard.tgenabled = ANY (ARRAY['O'::"char", 'A'::"char"]))) || ' of '::text) || count(*)) AS value,
        CASE
            WHEN (b.broken IS NULL) THEN 'ok'::text
            ELSE 'warn'::text
        END AS state,
    COALESCE((('缺少或被禁用：'::text || b.broken) || '。用 ALTER TABLE … ENABLE TRIGGER 恢复'::text), '触发器都在且启用'::text) AS remark,
    COALESCE((('missing or disabled: '::text || b.broken) || '; ALTER TABLE … ENABLE TRIGGER mends it'::text), 'all there and enabled'::text) AS remarkenglish
   FROM guard,
    ( SELECT string_agg((((guard_1.name || ' ('::text) || guard_1.relation) || ')'::text), ', '::text) AS broken
           FROM guard guard_1
          WHERE ((guard_1.tgenabled IS NULL) OR (guard_1.tgenabled <> ALL (ARRAY['O'::"char", 'A'::"char"])))) b
  GROUP BY b.broken
UNION ALL
 SELECT 'rule'::text AS name,
    submsg_rules.rule AS value,
        CASE
            WHEN ((submsg_rules.problem IS NULL) AND (submsg_rules.errors = 0)) THEN 'ok'::text
            ELSE 'warn'::text
        END AS state,
    COALESCE(submsg_rules.problem,
        CASE
            WHEN (submsg_rules.errors > 0) THEN format('有 %s 次更新未能生成消息：SELECT * FROM submsg_replay(%L)'::text, submsg_rules.errors, submsg_rules.rule)
            ELSE '正常'::text
        END) AS remark,
    COALESCE(submsg_rules.problem,
        CASE
            WHEN (submsg_rules.errors > 0) THEN format('updates whose message is missing: %s; SELECT * FROM submsg_replay(%L) makes up for them'::text, submsg_rules.errors, submsg_rules.rule)
            ELSE 'works'::text
        END) AS remarkenglish
   FROM public.submsg_rules() submsg_rules(id, rule, tablename, template, openid, params, flag, whencolumn, whenvalues, filter, oninsert, hold, sendafter, expiretime, dedupkey, page, problem, errors, call);

-- Name: submsglist submsglist_by_hand; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsglist_by_hand BEFORE UPDATE ON public.submsglist FOR EACH ROW WHEN ((((old.leaseuntil IS NULL) = (new.leaseuntil IS NULL)) OR ((new.claimid IS DISTINCT FROM old.claimid) = (new.leaseuntil IS NULL)) OR ((new.leaseuntil IS NOT NULL) AND (old.sendstatus <> 'wait'::text)))) EXECUTE FUNCTION public.submsglist_by_hand();

-- Name: submsglist submsglist_wake_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsglist_wake_insert AFTER INSERT ON public.submsglist FOR EACH STATEMENT WHEN ((pg_sequence_last_value('public.submsgwake'::regclass) = 1)) EXECUTE FUNCTION public.submsg_wake();

-- Name: submsgpause submsgpause_wake; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgpause_wake AFTER DELETE ON public.submsgpause FOR EACH STATEMENT WHEN ((pg_sequence_last_value('public.submsgwake'::regclass) = 1)) EXECUTE FUNCTION public.submsg_wake();

-- Name: submsgpause submsgpause_wake_truncate; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgpause_wake_truncate AFTER TRUNCATE ON public.submsgpause FOR EACH STATEMENT WHEN ((pg_sequence_last_value('public.submsgwake'::regclass) = 1)) EXECUTE FUNCTION public.submsg_wake();

-- Name: submsgpause submsgpause_wake_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgpause_wake_update AFTER UPDATE ON public.submsgpause FOR EACH ROW WHEN (((new.probeat < old.probeat) AND (pg_sequence_last_value('public.submsgwake'::regclass) = 1))) EXECUTE FUNCTION public.submsg_wake();

-- Name: submsgrule submsgrule_armed; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgrule_armed AFTER INSERT OR DELETE ON public.submsgrule FOR EACH ROW EXECUTE FUNCTION public.submsgrule_armed();

-- Name: submsgrule submsgrule_insert; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgrule_insert BEFORE INSERT ON public.submsgrule FOR EACH ROW EXECUTE FUNCTION public.submsgrule_check();

-- Name: submsgrule submsgrule_rearmed; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgrule_rearmed AFTER UPDATE ON public.submsgrule FOR EACH ROW WHEN ((((old.tablename)::oid IS DISTINCT FROM (new.tablename)::oid) OR (old.plan IS DISTINCT FROM new.plan))) EXECUTE FUNCTION public.submsgrule_armed();

-- Name: submsgrule submsgrule_update; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER submsgrule_update BEFORE UPDATE ON public.submsgrule FOR EACH ROW WHEN (((old.name IS DISTINCT FROM new.name) OR ((old.tablename)::oid IS DISTINCT FROM (new.tablename)::oid) OR (old.templateid IS DISTINCT FROM new.templateid) OR (old.plan IS DISTINCT FROM new.plan))) EXECUTE FUNCTION public.submsgrule_check();

-- Name: orders ~submsg; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER "~submsg" BEFORE UPDATE ON public.orders FOR EACH ROW WHEN ((new.issendmsg IS TRUE)) EXECUTE FUNCTION public.submsgrule_fire();

-- Name: FUNCTION submsg_forget(afterid bigint, most integer, statuses text[], ages interval[], OUT upto bigint, OUT gone bigint); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_forget(afterid bigint, most integer, statuses text[], ages interval[], OUT upto bigint, OUT gone bigint) FROM PUBLIC;

-- Name: FUNCTION submsg_replay(name text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_replay(name text) FROM PUBLIC;

-- Name: FUNCTION submsg_rules(name text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_rules(name text) FROM PUBLIC;

-- Name: FUNCTION submsg_test(given anyelement); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_test(given anyelement) FROM PUBLIC;

-- Name: FUNCTION submsg_unwatch(name text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_unwatch(name text) FROM PUBLIC;

-- Name: FUNCTION submsg_wake(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_wake() FROM PUBLIC;

-- Name: FUNCTION submsg_watch(tablename regclass, template text, openid text, params text[], flag text, whencolumn text, whenvalues text[], filter jsonb, oninsert boolean, hold interval, sendafter text, expiretime text, dedupkey text, page text, name text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_watch(tablename regclass, template text, openid text, params text[], flag text, whencolumn text, whenvalues text[], filter jsonb, oninsert boolean, hold interval, sendafter text, expiretime text, dedupkey text, page text, name text) FROM PUBLIC;

-- Name: FUNCTION submsglist_by_hand(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsglist_by_hand() FROM PUBLIC;

-- Name: FUNCTION submsgrule_any(conditions text[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_any(conditions text[]) FROM PUBLIC;

-- Name: FUNCTION submsgrule_apply(targets oid[], units text[], op text, was anyelement, changed anyelement); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_apply(targets oid[], units text[], op text, was anyelement, changed anyelement) FROM PUBLIC;

-- Name: FUNCTION submsgrule_arm(target regclass); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_arm(target regclass) FROM PUBLIC;

-- Name: FUNCTION submsgrule_armed(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_armed() FROM PUBLIC;

-- Name: FUNCTION submsgrule_astext(target regclass, number smallint, row_ text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_astext(target regclass, number smallint, row_ text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_cancel(rule bigint, which jsonb, why text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_cancel(rule bigint, which jsonb, why text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_changes(target regclass, numbers smallint[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_changes(target regclass, numbers smallint[]) FROM PUBLIC;

-- Name: FUNCTION submsgrule_check(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_check() FROM PUBLIC;

-- Name: FUNCTION submsgrule_column(target regclass, given text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_column(target regclass, given text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_failed(rule bigint, target oid, changed anyelement, problem text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_failed(rule bigint, target oid, changed anyelement, problem text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_fire(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_fire() FROM PUBLIC;

-- Name: FUNCTION submsgrule_fits(rule public.submsgrule, version text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_fits(rule public.submsgrule, version text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_flaw(rule bigint, openid text, params text[], dedupkey text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_flaw(rule bigint, openid text, params text[], dedupkey text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_hold(rule bigint, which jsonb, message bigint, until timestamp with time zone); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_hold(rule bigint, which jsonb, message bigint, until timestamp with time zone) FROM PUBLIC;

-- Name: FUNCTION submsgrule_key(target regclass); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_key(target regclass) FROM PUBLIC;

-- Name: FUNCTION submsgrule_list(items jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_list(items jsonb) FROM PUBLIC;

-- Name: FUNCTION submsgrule_now(rule public.submsgrule); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_now(rule public.submsgrule) FROM PUBLIC;

-- Name: FUNCTION submsgrule_object_sql(target regclass, numbers smallint[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_object_sql(target regclass, numbers smallint[]) FROM PUBLIC;

-- Name: FUNCTION submsgrule_param(target regclass, given text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_param(target regclass, given text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_param_sql(param jsonb, texts jsonb, format_value text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_param_sql(param jsonb, texts jsonb, format_value text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_place(target oid); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_place(target oid) FROM PUBLIC;

-- Name: FUNCTION submsgrule_plan(target regclass, args jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_plan(target regclass, args jsonb) FROM PUBLIC;

-- Name: FUNCTION submsgrule_problem(rule public.submsgrule); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_problem(rule public.submsgrule) FROM PUBLIC;

-- Name: FUNCTION submsgrule_read(rule public.submsgrule, given anyelement, OUT fits boolean, OUT openid text, OUT params text[], OUT sendafter timestamp with time zone, OUT expiretime timestamp with time zone, OUT dedupkey text, OUT page text, OUT rowkey jsonb, OUT problem text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_read(rule public.submsgrule, given anyelement, OUT fits boolean, OUT openid text, OUT params text[], OUT sendafter timestamp with time zone, OUT expiretime timestamp with time zone, OUT dedupkey text, OUT page text, OUT rowkey jsonb, OUT problem text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_refusal(target regclass); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_refusal(target regclass) FROM PUBLIC;

-- Name: FUNCTION submsgrule_renew(rule bigint, OUT query text, OUT flag text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_renew(rule bigint, OUT query text, OUT flag text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_replay(failure public.submsgruleerror, path text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_replay(failure public.submsgruleerror, path text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_seen(target oid, numbers smallint[]); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_seen(target oid, numbers smallint[]) FROM PUBLIC;

-- Name: FUNCTION submsgrule_sql(rule public.submsgrule); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_sql(rule public.submsgrule) FROM PUBLIC;

-- Name: FUNCTION submsgrule_text(target regclass, given text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_text(target regclass, given text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_text_written(parts jsonb, named jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_text_written(parts jsonb, named jsonb) FROM PUBLIC;

-- Name: FUNCTION submsgrule_time(target regclass, given text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_time(target regclass, given text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_time_sql(at jsonb, value text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_time_sql(at jsonb, value text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_time_written(at jsonb, named jsonb); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_time_written(at jsonb, named jsonb) FROM PUBLIC;

-- Name: FUNCTION submsgrule_touch(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_touch() FROM PUBLIC;

-- Name: FUNCTION submsgrule_trigger(target regclass, trigger_ text, event text, level text, condition text, function text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_trigger(target regclass, trigger_ text, event text, level text, condition text, function text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_value(target regclass, number smallint, row_ text); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_value(target regclass, number smallint, row_ text) FROM PUBLIC;

-- Name: FUNCTION submsgrule_written(rule public.submsgrule); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_written(rule public.submsgrule) FROM PUBLIC;

-- Name: SEQUENCE submsgwake; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON SEQUENCE public.submsgwake TO PUBLIC;

