-- What a plan says, taken apart for those who write a rule's query (query.sql) and triggers (triggers.sql), show it (test.sql) or
-- list it (list.sql).

-- subMsgRule_conditions returns what a plan asks of a row's values, filter and whenValues alike: the column's label, the values,
-- and where the plan has them.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_conditions(plan jsonb) RETURNS TABLE (label text, wanted text[], place text)
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT f->>'column', SUBMSG_SCHEMA.subMsgRule_text_array(f->'values'), format('filter,%s,values', n - 1)
    FROM jsonb_array_elements(plan->'filter') WITH ORDINALITY AS e (f, n)
    UNION ALL
    SELECT plan->>'whenColumn', SUBMSG_SCHEMA.subMsgRule_text_array(plan->'whenValues'), 'whenValues'
    WHERE plan ? 'whenValues'
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_conditions FROM PUBLIC;

-- subMsgRule_shown_labels returns the labels of the columns whose values become texts of a message.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_shown_labels(plan jsonb) RETURNS SETOF text
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT plan->>'openid'
    UNION SELECT p->>'column' FROM jsonb_array_elements(plan->'params') AS p WHERE p ? 'column' AND NOT p ? 'format'
    UNION SELECT n #>> '{}' FROM jsonb_path_query(jsonb_build_array(
        jsonb_path_query_array(plan, '$.params[*].text[*]'), plan->'dedupKey', plan->'page'), '$[*][*]') AS n
    WHERE jsonb_typeof(n) = 'number'
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_shown_labels FROM PUBLIC;

-- subMsgRule_text_array makes a text array of a jsonb array; NULL of NULL.
CREATE OR REPLACE FUNCTION SUBMSG_SCHEMA.subMsgRule_text_array(items jsonb) RETURNS text[]
LANGUAGE sql STABLE SUBMSG_SETTINGS AS $$
    SELECT CASE WHEN items IS NOT NULL THEN
        ARRAY(SELECT v FROM jsonb_array_elements_text(items) WITH ORDINALITY AS e (v, n) ORDER BY n) END
$$;
REVOKE EXECUTE ON FUNCTION SUBMSG_SCHEMA.subMsgRule_text_array FROM PUBLIC;
