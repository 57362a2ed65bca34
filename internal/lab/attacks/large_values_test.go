package attacks

import (
	"strings"
	"testing"
)

// A value of 80 MB in a column that a rule uses makes a stored error with a sentence, and no text is built of it: that
// would take a hundred times as long as the update itself, and the time-out would tell.
func TestLargeValues(t *testing.T) {
	t.Parallel()
	const large = `repeat('货', 27000000)`
	for name, tt := range map[string]struct{ column, value, rule, want string }{
		"as openid":      {"text", large, `'big', '{id}', flag => 'f'`, "column big has a value that is longer"},
		"as a parameter": {"text", large, `'openid', '{big}', flag => 'f'`, "column big has a value that is longer"},
		"in a text":      {"text", large, `'openid', ARRAY['={big}{big}{big}'], flag => 'f'`, "column big has a value that is longer"},
		"in a map":       {"text", large, `'openid', ARRAY['{"column":"big","map":{"a":"b"},"else":"c"}'], flag => 'f'`, "column big has a value that is longer"},
		"in a dedupKey":  {"text", large, `'openid', '{id}', flag => 'f', dedupKey => 'x{big}'`, "column big has a value that is longer"},
		"in a page":      {"text", large, `'openid', '{id}', flag => 'f', page => 'p?x={big}&y={big}&z={big}'`, "column big has a value that is longer"},
		"as bytea":       {"bytea", `convert_to(` + large + `, 'UTF8')`, `'openid', '{big,big,big}', flag => 'f'`, "column big has a value that is longer"},
		"as jsonb":       {"jsonb", `to_jsonb(` + large + `)`, `'openid', '{big}', flag => 'f'`, "column big has a value that is longer"},
		"as a domain":    {"public.words", large, `'openid', '{big}', flag => 'f'`, "column big has a value that is longer"},
		"what changes":   {"text", large, `'openid', '{id}', whenColumn => 'big'`, ""},
		"what it is":     {"text", large, `'openid', '{id}', whenColumn => 'big', whenValues => '{a}'`, ""},
		"in a filter":    {"text", large, `'openid', '{id}', flag => 'f', filter => '{"big": "a"}'`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, `CREATE DOMAIN public.words AS text; CREATE TABLE sales (id int PRIMARY KEY, openid text, f boolean DEFAULT false, big `+tt.column+`);
				ALTER TABLE sales ALTER big SET STORAGE EXTERNAL; INSERT INTO sales VALUES (1, 'o1'), (2, 'o2'); SELECT submsg_watch('sales', 't', `+tt.rule+`)`)
			s.exec(`UPDATE sales SET big = ` + tt.value + `, f = true WHERE id = 1; SET statement_timeout = '60s'; UPDATE sales SET f = true WHERE id = 1; RESET statement_timeout`)
			stored := strings.Join(s.texts(`SELECT error FROM subMsgRuleError`), "; ")
			if !strings.Contains(stored, tt.want) || tt.want == "" && stored != "" {
				t.Errorf("stored %q, want %q", stored, tt.want)
			}
			sent := strings.Join(s.texts(`SELECT openid FROM subMsgList`), ",")
			if want := map[bool]string{true: "o1"}[name == "what changes"]; sent != want {
				t.Errorf("messages to %q, want %q", sent, want)
			}
			if got := s.texts(`SELECT 'large' FROM subMsgRuleError WHERE octet_length(rowData::text) > 100000 OR length(error) > 1000`); len(got) > 0 {
				t.Error("the value is stored with the error")
			}
			if got := s.texts(`SELECT 'x' FROM sales WHERE big IS NOT NULL`); len(got) != 1 {
				t.Error("the update is lost")
			}
			if _, err := s.Exec(t.Context(), `SELECT m.* FROM sales r, submsg_test(r.tableoid, r.ctid) AS m`); err != nil {
				t.Errorf("test: %v", err)
			}
		})
	}
}
