package attacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// salesroom is another's shop: an administrator of submsg may make triggers in it, and read all but the secret.
const salesroom = `CREATE ROLE @keeper IN ROLE @admin; CREATE ROLE @owner; CREATE SCHEMA shop AUTHORIZATION @owner; SET ROLE @owner;
	CREATE TABLE shop.sales (id int PRIMARY KEY, openid text, goods text, secret text, f boolean DEFAULT false);
	INSERT INTO shop.sales VALUES (1, 'o1', 'g', 'the secret');
	GRANT USAGE ON SCHEMA shop TO @keeper; GRANT TRIGGER, SELECT (id, openid, goods, f), UPDATE (f) ON shop.sales TO @keeper; RESET ROLE`

const sale = `SELECT submsg_watch('shop.sales', 't', 'openid', '{goods}', flag => 'f', name => 'sale')`

// code is what Postgres refused the statement with, "" if it didn't.
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// Nobody but submsg's owner writes rules, in any column.
func TestNobodyWritesRules(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, role := range []string{"app", "worker", "admin", "readonly"} {
		s.exec(`SET ROLE @` + role)
		for _, sql := range s.texts(`SELECT format(v, attname) FROM pg_catalog.pg_attribute, unnest(ARRAY[
				'INSERT INTO public.subMsgRule (%I) VALUES (DEFAULT)', 'UPDATE public.subMsgRule SET %I = DEFAULT']) AS v
			WHERE attrelid = 'public.submsgrule'::regclass AND attnum > 0`) {
			if _, err := s.Exec(t.Context(), sql); code(err) != "42501" {
				t.Errorf("%s: %s: %v", role, sql, err)
			}
		}
		s.exec(`RESET ROLE`)
	}
}

// A number in a plan is a column. Wherever one is smuggled in, be it as an argument of an administrator or as a plan of
// the owner's, the rule is refused or has nothing of it: what is stored of a row that failed holds no secret.
func TestSmuggledColumns(t *testing.T) {
	t.Parallel()
	s := newShop(t, salesroom)
	keys := []string{"openid", "params", "flag", "whenColumn", "whenValues", "filter", "onInsert", "hold", "sendAfter",
		"expireTime", "dedupKey", "page", "zone", "other"}
	values := []string{`4`, `[4]`, `["{secret}"]`, `{"column": 4}`, `[{"column": 4}]`, `[{"column": 3, "other": 4}]`, `[{"text": [4]}]`,
		`{"goods": [4]}`, `{"goods": {"x": 4}}`, `[{"column": 3, "values": [4]}]`, `[["goods", 4]]`, `"secret"`, `"{secret}"`}
	refused, made := 0, 0
	for _, key := range keys {
		for _, value := range values {
			arguments := map[string]any{"openid": "openid", "params": []string{"goods"}, "flag": "f",
				"whenColumn": "goods", "whenValues": []string{"g"}}
			arguments[key] = json.RawMessage(value)
			text, _ := json.Marshal(arguments)
			s.exec(`SET ROLE @keeper`)
			_, err := s.Exec(t.Context(), `INSERT INTO subMsgRuleDraft (name, tableName, templateId, arguments)
				VALUES ('x', 'shop.sales', 't', $1)`, string(text))
			s.exec(`RESET ROLE`)
			if err != nil {
				refused++
				continue
			}
			made++
			s.exec(`SELECT public.subMsgRule_set_triggers('shop.sales'); UPDATE shop.sales SET openid = NULL, f = true; UPDATE shop.sales SET openid = 'o1', f = false`)
			for _, stored := range s.texts(`SELECT concat(rowData, rowKey, error) FROM subMsgRuleError
				UNION ALL SELECT concat(m.*) FROM subMsgList m UNION ALL SELECT concat(columnNames) FROM subMsgRule WHERE name = 'x'`) {
				if strings.Contains(stored, "secret") {
					t.Errorf("%s = %s shows the secret: %s", key, value, stored)
				}
			}
			s.exec(`DELETE FROM subMsgRule WHERE name = 'x'; DELETE FROM subMsgRuleError; DELETE FROM subMsgList`)
		}
	}
	if refused < 100 || made < 3 {
		t.Errorf("%d refused, %d made", refused, made)
	}
	for _, plan := range []string{`{}`, `[]`, `{"openid": 2}`, `{"openid": 2, "params": [], "flag": 5, "other": 4}`, `{"openid": 2, "params": [4], "flag": 5}`,
		`{"openid": 2, "params": [{"column": 3, "map": {"x": 4}}], "flag": 5}`, `{"openid": 2, "params": [{}], "flag": 5}`, `{"openid": "2", "params": [], "flag": 5}`,
		`{"openid": 2, "params": [], "flag": 5, "whenColumn": 3, "whenValues": [4]}`, `{"openid": 2, "params": [], "flag": 5, "filter": [{"column": 3, "values": [[4]]}]}`} {
		_, err := s.Exec(t.Context(), `INSERT INTO subMsgRule (name, tableName, templateId, plan) VALUES ('y', 'shop.sales', 't', $1)`, plan)
		if code(err) != "22023" || !strings.Contains(fmt.Sprint(err), "no plan of a rule") {
			t.Errorf("the owner's own plan %s: %v", plan, err)
		}
	}
}

// A rule follows its columns: another column that has taken the name of one of them isn't shown.
func TestRowDataAfterRenames(t *testing.T) {
	t.Parallel()
	s := newShop(t, salesroom, `SET ROLE @keeper; `+sale+`; RESET ROLE;
		ALTER TABLE shop.sales RENAME goods TO article; ALTER TABLE shop.sales RENAME secret TO goods; UPDATE shop.sales SET openid = NULL, f = true;
		ALTER TABLE shop.sales DROP article; UPDATE shop.sales SET openid = NULL, f = true`)
	for _, stored := range s.texts(`SELECT rowData::text FROM subMsgRuleError UNION ALL SELECT error FROM subMsgRuleError`) {
		if strings.Contains(stored, "secret") {
			t.Errorf("stored: %s", stored)
		}
	}
	if n := s.texts(`SELECT error FROM subMsgRuleError`); len(n) != 1 {
		t.Errorf("errors: %q", n)
	}
}
