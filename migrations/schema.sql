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

-- Name: submsgrule_fire(); Type: FUNCTION; Schema: public; Owner: -

CREATE FUNCTION public.submsgrule_fire() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    rule    record;
    content jsonb; -- the row: each column's value as text
    missing text;
BEGIN
    FOR rule IN SELECT * FROM public.subMsgRule WHERE tableName = TG_RELID ORDER BY id LOOP
        BEGIN
            IF content IS NULL THEN
                EXECUTE (SELECT format('SELECT jsonb_object(ARRAY[%s], ARRAY[%s]::text[])',
                             string_agg(quote_literal(attname), ', ' ORDER BY attnum),
                             string_agg(format(CASE typnamespace WHEN 'pg_catalog'::regnamespace THEN '($1).%1$I::text'
                                 ELSE 'CASE num_nulls(($1).%1$I) WHEN 0 THEN concat(($1).%1$I) END' END, attname), ', ' ORDER BY attnum))
                         FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
                         WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped)
                    INTO content USING NEW;
            END IF;

            PERFORM FROM pg_attribute WHERE attrelid = TG_RELID AND attname = rule.flagColumn AND atttypid = 'boolean'::regtype;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the table has no boolean column %', quote_ident(rule.flagColumn) USING ERRCODE = 'undefined_column';
            ELSIF NOT content ? rule.whenColumn THEN
                RAISE EXCEPTION 'the table has no column %', quote_ident(rule.whenColumn) USING ERRCODE = 'undefined_column';
            END IF;
            CONTINUE WHEN (content->>rule.flagColumn = 'true'
                AND (rule.whenColumn IS NULL OR content->>rule.whenColumn = ANY (rule.whenValues))) IS NOT TRUE;

            SELECT c INTO missing FROM unnest(rule.openidColumn || rule.paramColumns) AS c WHERE NOT content ? c LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'the table has no column %', quote_ident(missing) USING ERRCODE = 'undefined_column';
            END IF;
            INSERT INTO public.subMsgList (openid, templateId, parameterArr)
            VALUES (content->>rule.openidColumn, rule.templateId,
                ARRAY(SELECT coalesce(content->>c, '') FROM unnest(rule.paramColumns) WITH ORDINALITY AS p (c, n) ORDER BY n));
            NEW := jsonb_populate_record(NEW, jsonb_build_object(rule.flagColumn, false));
            content := content || jsonb_build_object(rule.flagColumn, 'false');
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'submsg: rule % on % inserted no message: %', rule.id, TG_RELID::regclass, SQLERRM;
            BEGIN
                INSERT INTO public.subMsgRuleError (ruleId, error, rowData) VALUES (rule.id, SQLERRM, coalesce(content, '{}'));
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING 'submsg: and the error could not be stored: %', SQLERRM;
            END;
        END;
    END LOOP;
    RETURN NEW;
END $_$;

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

-- Name: submsgclaim; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgclaim (
    claimid uuid NOT NULL,
    leaseuntil timestamp with time zone NOT NULL,
    ids bigint[] NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_analyze_scale_factor='1');

-- Name: TABLE submsgclaim; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgclaim IS 'Messages that were taken together to be sent; kept by submsg';

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

-- Name: submsglist_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.submsglist ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.submsglist_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

COMMENT ON TABLE public.submsgpause IS 'Templates that WeChat has stopped: their messages wait. DELETE a row to lift its pause';

-- Name: COLUMN submsgpause.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.templateid IS 'As written in subMsgList; * is every template';

-- Name: COLUMN submsgpause.reason; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.reason IS 'What WeChat said, for people';

-- Name: COLUMN submsgpause.errcode; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.errcode IS 'WeChat''s errcode';

-- Name: COLUMN submsgpause.pausedat; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.pausedat IS 'Since when';

-- Name: COLUMN submsgpause.probeat; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.probeat IS 'When one message is tried next';

-- Name: COLUMN submsgpause.probes; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgpause.probes IS 'Tries since pausedAt';

-- Name: submsgrule; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgrule (
    id bigint NOT NULL,
    tablename regclass NOT NULL,
    templateid text NOT NULL,
    openidcolumn text NOT NULL,
    paramcolumns text[] NOT NULL,
    flagcolumn text NOT NULL,
    whencolumn text,
    whenvalues text[],
    createtime timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT whencolumn_and_whenvalues_go_together CHECK (((whencolumn IS NULL) = (whenvalues IS NULL)))
);

-- Name: TABLE submsgrule; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgrule IS 'Which updates of which tables insert which messages';

-- Name: COLUMN submsgrule.tablename; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.tablename IS 'The table; it needs a trigger that calls subMsgRule_fire()';

-- Name: COLUMN submsgrule.templateid; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.templateid IS 'The message''s template';

-- Name: COLUMN submsgrule.openidcolumn; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.openidcolumn IS 'Column with the openid';

-- Name: COLUMN submsgrule.paramcolumns; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.paramcolumns IS 'Columns that fill parameterArr, in order';

-- Name: COLUMN submsgrule.flagcolumn; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.flagcolumn IS 'Boolean column: true notifies, and is reset by the same update';

-- Name: COLUMN submsgrule.whencolumn; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.whencolumn IS 'If set: only rows whose value of this column is one of whenValues';

-- Name: COLUMN submsgrule.whenvalues; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgrule.whenvalues IS 'See whenColumn';

-- Name: submsgrule_id_seq; Type: SEQUENCE; Schema: public; Owner: -

ALTER TABLE public.submsgrule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.submsgrule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- Name: submsgruleerror; Type: TABLE; Schema: public; Owner: -

CREATE TABLE public.submsgruleerror (
    id bigint NOT NULL,
    ruleid bigint NOT NULL,
    createtime timestamp with time zone DEFAULT now() NOT NULL,
    error text NOT NULL,
    rowdata jsonb NOT NULL
);

-- Name: TABLE submsgruleerror; Type: COMMENT; Schema: public; Owner: -

COMMENT ON TABLE public.submsgruleerror IS 'Updates whose rule could not be applied: the update went through, the message is missing';

-- Name: COLUMN submsgruleerror.error; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.error IS 'Why';

-- Name: COLUMN submsgruleerror.rowdata; Type: COMMENT; Schema: public; Owner: -

COMMENT ON COLUMN public.submsgruleerror.rowdata IS 'The row that the update wrote, each value as text';

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

-- Name: submsglist submsglist_dedupkey_key; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsglist
    ADD CONSTRAINT submsglist_dedupkey_key UNIQUE (dedupkey);

-- Name: submsglist submsglist_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsglist
    ADD CONSTRAINT submsglist_pkey PRIMARY KEY (id);

-- Name: submsgpause submsgpause_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgpause
    ADD CONSTRAINT submsgpause_pkey PRIMARY KEY (templateid);

-- Name: submsgrule submsgrule_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgrule
    ADD CONSTRAINT submsgrule_pkey PRIMARY KEY (id);

-- Name: submsgruleerror submsgruleerror_pkey; Type: CONSTRAINT; Schema: public; Owner: -

ALTER TABLE ONLY public.submsgruleerror
    ADD CONSTRAINT submsgruleerror_pkey PRIMARY KEY (id);

-- Name: submsglist_due; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsglist_due ON public.submsglist USING btree (dueat, id) WHERE (dueat IS NOT NULL);

-- Name: submsglist_expiring; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsglist_expiring ON public.submsglist USING btree (expiretime) WHERE ((dueat IS NOT NULL) AND (expiretime IS NOT NULL));

-- Name: submsgrule_tablename; Type: INDEX; Schema: public; Owner: -

CREATE INDEX submsgrule_tablename ON public.submsgrule USING btree (tablename);

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

-- Name: orders zz_submsgrule; Type: TRIGGER; Schema: public; Owner: -

CREATE TRIGGER zz_submsgrule BEFORE UPDATE ON public.orders FOR EACH ROW WHEN (new.issendmsg) EXECUTE FUNCTION public.submsgrule_fire();

-- Name: FUNCTION submsg_forget(afterid bigint, most integer, statuses text[], ages interval[], OUT upto bigint, OUT gone bigint); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_forget(afterid bigint, most integer, statuses text[], ages interval[], OUT upto bigint, OUT gone bigint) FROM PUBLIC;

-- Name: FUNCTION submsg_wake(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsg_wake() FROM PUBLIC;

-- Name: FUNCTION submsglist_by_hand(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsglist_by_hand() FROM PUBLIC;

-- Name: FUNCTION submsgrule_fire(); Type: ACL; Schema: public; Owner: -

REVOKE ALL ON FUNCTION public.submsgrule_fire() FROM PUBLIC;

-- Name: SEQUENCE submsgwake; Type: ACL; Schema: public; Owner: -

GRANT SELECT ON SEQUENCE public.submsgwake TO PUBLIC;

