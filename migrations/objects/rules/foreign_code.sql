-- What a table brings along runs with the rights of whoever reads or updates it: triggers, rules, CHECKs, generated columns,
-- indexes on expressions, row security. So an operator who replays would run what the table's owner has written.
-- subMsgRule_replay() (replay.sql) asks here before it does.
--
-- Code of others is what a role could have written that may do less than the caller: it would gain by his rights. A superuser, or
-- a member of the caller's role, gains nothing. Expressions are harmless that need no function, operator or type but Postgres's
-- own, of which none reads or writes anything (IMMUTABLE; and concat, which the triggers of rules use).

-- subMsgRule_expression_is_plain tells that of the expression of a catalogue entry, which pg_depend and the numbers of functions
-- in the stored tree tell.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_expression_is_plain(entry_class regclass, entry oid, tree text) RETURNS boolean
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT NOT EXISTS (SELECT FROM pg_depend
            WHERE classid = entry_class AND objid = entry
                AND refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
                AND NOT (classid = 'pg_trigger'::regclass AND refobjid = (SELECT tgfoid FROM pg_trigger WHERE oid = entry)))
        AND NOT EXISTS (SELECT FROM regexp_matches(tree, ':(?:funcid|opfuncid) (\d+)', 'g') AS f JOIN pg_proc p ON p.oid = f[1]::oid
            WHERE p.pronamespace <> 'pg_catalog'::regnamespace
                OR p.provolatile <> 'i' AND p.oid <> 'pg_catalog.concat'::regproc)
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_expression_is_plain FROM PUBLIC;

-- subMsgRule_foreign_code tells why the caller should not read the table, or, where a flag is given (quoted), update it; NULL if
-- he may.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_foreign_code(target regclass, flag text) RETURNS text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    WITH part AS (
        SELECT oid, relowner FROM pg_class WHERE oid = target OR oid IN (SELECT relid FROM pg_partition_tree(target))
    ), code (what, owner) AS (
        SELECT format('rule %I', rulename), relowner FROM part JOIN pg_rewrite ON ev_class = part.oid
        UNION ALL
        SELECT format('trigger %I', tgname), proowner
        FROM part JOIN pg_trigger ON tgrelid = part.oid AND NOT tgisinternal AND tgenabled <> 'D' JOIN pg_proc p ON p.oid = tgfoid
        WHERE tgfoid NOT IN ('SUBMSG_SCHEMA.subMsgRule_fire()'::regprocedure, 'SUBMSG_SCHEMA.subMsgRule_touch()'::regprocedure)
        UNION ALL
        SELECT format('trigger %I', tgname), relowner
        FROM part JOIN pg_trigger t ON tgrelid = part.oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgqual IS NOT NULL
        WHERE NOT SUBMSG_SCHEMA.subMsgRule_expression_is_plain('pg_trigger', t.oid, tgqual::text)
            AND tgfoid NOT IN ('SUBMSG_SCHEMA.subMsgRule_fire()'::regprocedure, 'SUBMSG_SCHEMA.subMsgRule_touch()'::regprocedure)
        UNION ALL
        SELECT format('constraint %I', conname), relowner
        FROM part JOIN pg_constraint c ON conrelid = part.oid AND contype = 'c'
        WHERE NOT SUBMSG_SCHEMA.subMsgRule_expression_is_plain('pg_constraint', c.oid, conbin::text)
        UNION ALL
        SELECT format('generated column %I', attname), relowner
        FROM part JOIN pg_attribute ON attrelid = part.oid AND attgenerated <> '' JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
        WHERE NOT SUBMSG_SCHEMA.subMsgRule_expression_is_plain('pg_attrdef', d.oid, adbin::text)
        UNION ALL
        SELECT format('index %s', indexrelid::regclass), relowner
        FROM part JOIN pg_index ON indrelid = part.oid
        WHERE NOT SUBMSG_SCHEMA.subMsgRule_expression_is_plain('pg_class', indexrelid, concat(indexprs, indpred))
        UNION ALL
        SELECT format('key of the partitions of %s', partrelid::regclass), relowner
        FROM part JOIN pg_partitioned_table ON partrelid = part.oid
        WHERE partexprs IS NOT NULL
    )
    SELECT CASE
        WHEN relkind NOT IN ('r', 'p') THEN format('%s is no table any more', target)
        WHEN row_security_active(target) THEN format('the rows of %s are hidden from %s by row security', target, current_user)
        WHEN flag IS NOT NULL THEN (
            SELECT format('%s has a %s, code of %s that would run with your rights; let who may update the table run: '
                'UPDATE %1$s SET %4$s = true WHERE %4$s', target, what, owner::regrole, flag)
            FROM code WHERE NOT pg_has_role(owner, current_user, 'MEMBER') LIMIT 1)
    END FROM pg_class WHERE oid = target
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_foreign_code FROM PUBLIC;
