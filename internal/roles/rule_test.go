package roles_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// The rule function casts no foreign type, but a message says what a cast to text would.
func TestRuleReadsAsACastDoes(t *testing.T) {
	d := newDB(t)
	d.exec(`CREATE TYPE mood AS ENUM ('', 'happy'); CREATE DOMAIN word AS text;
		CREATE TABLE things (openid text, flag boolean, b boolean, n numeric, c char(5), e mood, d word, a int[], m mood[], j jsonb,
			t timestamptz, i interval, x bytea, gone int, "Odd 'Name\" text, en mood, bn boolean, dn word);
		ALTER TABLE things DROP gone;
		INSERT INTO things VALUES ('o1', false, true, 1.50, 'ab', 'happy', 'w', '{1,NULL}', '{happy}', '{"k": [1]}',
			'2026-01-02 03:04:05.6+00', '1 day 2 hours', '\x00ff', 'odd', NULL, NULL, NULL);
		SELECT submsg_watch('things', templateId, 'openid', ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
			flag => 'flag', whenColumn => column_, whenValues => values_)
		FROM (VALUES ('by_an_enum', 'e', '{sad,happy}'::text[]), ('never_sad', 'e', '{sad}'), ('never_NULL_for_the_empty_label', 'en', '{""}')) AS r (templateId, column_, values_)`)
	fire := func() (messages [][]string) {
		t.Helper()
		d.exec(`TRUNCATE subMsgList; UPDATE things SET flag = true`)
		rows, _ := d.Query(t.Context(), `SELECT templateId || parameterArr FROM subMsgList ORDER BY id`)
		messages, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
		if err != nil {
			t.Fatal(err)
		}
		if failed := one[string](d, `SELECT coalesce(string_agg(error, '; '), '') FROM subMsgRuleError`); failed != "" {
			t.Error(failed)
		}
		if one[bool](d, `SELECT flag FROM things`) {
			t.Error("the flag wasn't reset")
		}
		return messages
	}
	now := fire()
	if len(now) != 1 || len(now[0]) != 18 || now[0][3] != "true" || now[0][5] != "ab" || now[0][17] != "" {
		t.Errorf("%q", now)
	}
	// A timestamptz is shown in the zone of whoever defined the rule, without an offset.
	list := one[string](d, `SELECT string_agg(format(CASE atttypid WHEN 'timestamptz'::regtype THEN '(%I AT TIME ZONE current_setting(''TimeZone''))::text'
			ELSE 'coalesce(%I::text, '''')' END, attname), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 0 AND NOT attisdropped`)
	d.exec(`ALTER TABLE things DISABLE TRIGGER "~submsg"; UPDATE things SET flag = true`)
	cast := one[[]string](d, `SELECT ARRAY[`+list+`] FROM things`)
	if diff := cmp.Diff(cast, now[0][1:]); diff != "" {
		t.Errorf("-by a cast +in the message:\n%s", diff)
	}
}
