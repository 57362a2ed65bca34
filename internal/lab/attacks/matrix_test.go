package attacks

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// matrix says what each login may do: who is a member of no role, of app, of worker, of admin, of readonly. It is
// written by hand, beside the grants of package roles, so that what is added must be thought of twice: a table, view,
// column, sequence or function that isn't here fails the test, until somebody says who may have it.
//
// app inserts messages, and reads the ids that it is given. worker is submsg serve: it claims and settles, and never
// changes what a message says. admin are people: they write what the triggers guard, and define rules. readonly sees
// what happened, and neither who nor what.
//
// Letters: S select, I insert, U update, D delete, L lock against all others, T truncate, R refer to, G make triggers,
// N nextval, V setval, E execute, C create, O do what owners do.
const matrix = `
schema                                                                        : - - - - -

table subMsgList                                                              : - - - DL -
  id                                                                          : - S S S S
  openid parameterArr page                                                    : - I S SIU -
  templateId expireTime traceparent                                           : - I S SIU S
  sendAfter                                                                   : - I SU SIU S
  dedupKey                                                                    : - I - SIU S
  sendStatus                                                                  : - - SU SU S
  sendStatusMsg sendTime attempts msgId claimId leaseUntil                    : - - SU S S
  errCode errKind updateTime                                                  : - - U S S
  createTime dueAt                                                            : - - S S S
  ctid                                                                        : - - S S -
table subMsgClaim                                                             : - - DL - -
  claimId leaseUntil ids                                                      : - - SI S S
table subMsgReplica                                                           : - - DL - -
  replica                                                                     : - - SI S S
  host pid                                                                    : - - I S S
  accounts trouble inHand ahead refused                                       : - - SIU S S
  behind                                                                      : - - SIU S S
  reasons                                                                     : - - SIU S -
  since                                                                       : - - - S S
  seen                                                                        : - - SU S S
table subMsgReplicaTemplate                                                   : - - DL - -
  templateId replica paramCount                                               : - - SI S S
table subMsgPace                                                              : - - - - -
  account                                                                     : - - SI S S
  spentUntil                                                                  : - - SU S S
table subMsgPause                                                             : - - DL DL -
  templateId                                                                  : - - SI SI S
  reason probeAt                                                              : - - SIU SI S
  errCode errKind spellings                                                   : - - SIU S S
  pausedAt                                                                    : - - SU S S
  probes                                                                      : - - SU S S
table subMsgOrigin                                                            : - - - - -
  id                                                                          : - - - S S
  systemIdentifier databaseOid listOid                                        : - - SIU S S
  since                                                                       : - - U S S
table subMsgTemplate                                                          : - - DL - -
  templateId                                                                  : - - SI S S
  name title account params                                                   : - - SIU S S
  seenTime                                                                    : - - SU S S
table subMsgCause                                                             : - - - - -
  errCode errKind                                                             : - - SI S S
  cause nextStep causeEnglish nextStepEnglish                                 : - - SIU S S

table subMsgRule                                                              : - - - DL -
  id name tableName templateId plan createTime                                : - - - S S
  columnLabels columnNames columnNumbers columnsRead columnSeen madeFor query : - - - S S
table subMsgRuleError                                                         : - - - DL -
  id ruleId createTime error                                                  : - - - S S
  rowData rowKey                                                              : - - - S -
view subMsgRuleDraft                                                          : - - - - -
  name tableName templateId arguments                                         : - - - I -
table subMsgHeld                                                              : - - - - -
  ruleId rowKey messageId due                                                 : - - - S -

table subMsgObject                                                            : - - - - -
  file hash version applied                                                   : S S S S S
table submsg_schema_migrations                                                : - - - - -
  version dirty                                                               : - - S S S

view subMsgRecent                                                             : - - - - -
  id templateId sendStatus sendStatusMsg errCode errKind createTime sendTime  : - - - S S
view subMsgFailures                                                           : - - - - -
  cause sendStatus errCode errKind count lastHour oldest newest templateIds   : - - - S S
  exampleId nextStep sendAgain causeEnglish nextStepEnglish                   : - - - S S
view subMsgPaused                                                             : - - - - -
  what templateId why errCode errKind since nextProbe probes                  : - - - S S
  waiting waitingOf lift whyEnglish                                           : - - - S S
view subMsgLivingReplica                                                      : - - - - -
  replica                                                                     : - - S S S
view subMsgHealth                                                             : - - - - -
  name value state remark remarkEnglish                                       : - - - S S

sequence subMsgWake                                                           : S S NVS S S
sequence subMsgList_id_seq                                                    : - - - - -
sequence subMsgRule_id_seq                                                    : - - - - -
sequence subMsgRuleError_id_seq                                               : - - - - -

function subMsg_forget                                                        : - - E - -
function submsg_rules                                                         : - - - E E
function submsg_watch submsg_unwatch submsg_test submsg_replay                : - - - E -
function subMsgRule_fire subMsgRule_touch                                     : - - - E -
function subMsgRule_read_column subMsgRule_read_text subMsgRule_read_param subMsgRule_read_time
  subMsgRule_read_flag subMsgRule_read_filter subMsgRule_refusal subMsgRule_key subMsgRule_plan
  subMsgRule_conditions subMsgRule_value subMsgRule_value_text subMsgRule_object_sql subMsgRule_text_sql
  subMsgRule_param_sql subMsgRule_time_sql subMsgRule_page_texts subMsgRule_query subMsgRule_column_name
  subMsgRule_column_number subMsgRule_column_versions subMsgRule_columns_read subMsgRule_table_identity subMsgRule_current
  subMsgRule_changes_condition subMsgRule_fits_condition subMsgRule_any_condition subMsgRule_set_trigger
  subMsgRule_set_triggers subMsgRule_message_problem subMsgRule_text_array subMsgRule_preview
  subMsgRule_replay subMsgRule_columns subMsgRule_encoded subMsgRule_base_type subMsgRule_foreign_code
  subMsgRule_expression_is_plain subMsgRule_changed_sql subMsgRule_too_long_sql subMsgRule_plan_problem
  subMsgRule_shown_labels                                                     : - - - E -
function subMsg_wake subMsgList_guard subMsgPause_lift subMsgPause_spell subMsgRule_check subMsgRule_removed subMsgRule_complete
  subMsgRule_store subMsgRule_warn subMsgRule_insert
  subMsgRule_make subMsgRule_units subMsgRule_renew subMsgRule_error_query subMsgRule_store_error subMsgRule_store_held subMsgRule_cancel_held
  subMsgRule_text_argument subMsgRule_time_argument subMsgRule_arguments subMsgRule_problem
  subMsgRule_call subMsgRule_template_fits                                    : - - - - -
`

// expected reads the matrix: the letters of each login, by the object, or by the relation and column.
func expected(t *testing.T) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	kind, relation := "", ""
	for _, entry := range entries.FindAllStringSubmatch(matrix, -1) {
		names := strings.Fields(strings.ToLower(entry[1]))
		switch names[0] {
		case "schema":
		case "table", "view", "sequence", "function":
			kind, relation = names[0], names[1]
			names = names[1:]
			for i := range names {
				names[i] = kind + " " + names[i]
			}
		default:
			for i := range names {
				names[i] = relation + "." + names[i]
			}
		}
		for _, name := range names {
			if lines[name] != nil {
				t.Errorf("%s stands twice", name)
			}
			lines[name] = strings.Fields(entry[2])
		}
	}
	return lines
}

var entries = regexp.MustCompile(`([\w\s]+?)\s*:((?: (?:-|[A-Z]+)){5})\n`)

// cell is one thing that a login may or may not do: a letter of a line of the matrix, and a statement that does it.
type cell struct {
	line   string
	letter string
	sql    string
}

// What there is to do with each kind of object; %[1]s is the object, %[2]s a column of it.
var (
	perTable = []struct{ letter, sql string }{
		{"D", "DELETE FROM %s"}, {"T", "TRUNCATE %s"}, {"L", "LOCK TABLE %s IN ACCESS EXCLUSIVE MODE"},
		{"G", "CREATE TRIGGER t BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"},
		{"O", "ALTER TABLE %s SET (fillfactor = 90)"}, {"O", "ALTER TABLE %s DISABLE TRIGGER ALL"},
		{"O", "DROP TABLE %s CASCADE"}, {"O", "CREATE INDEX ON %s ((1))"}, {"O", "CREATE RULE r AS ON INSERT TO %s DO NOTHING"},
		{"O", "CREATE POLICY p ON %s"}, {"O", "COMMENT ON TABLE %s IS 'mine'"}, {"O", "CREATE STATISTICS playground.s ON ctid, tableoid FROM %s"},
		{"O", "CREATE TABLE playground.child () INHERITS (%s)"},
	}
	perColumn = []struct{ letter, sql string }{
		{"S", "SELECT %[2]s FROM %[1]s LIMIT 1"}, {"S", "SELECT count(%[2]s) FROM %[1]s"},
		{"S", "SELECT FROM %[1]s ORDER BY %[2]s LIMIT 0"}, {"S", "COPY %[1]s (%[2]s) TO STDOUT"},
		{"I", "INSERT INTO %[1]s (%[2]s) VALUES (DEFAULT)"},
		{"U", "UPDATE %[1]s SET %[2]s = DEFAULT"},
		{"R", "CREATE TABLE playground.child (parent int, FOREIGN KEY (parent) REFERENCES %[1]s (%[2]s))"},
	}
	perView = []struct{ letter, sql string }{ // one without triggers takes no writes: not even its owner could
		{"S", "SELECT %[2]s FROM %[1]s LIMIT 1"},
	}
	perTriggeredView = append(perView[:1:1],
		struct{ letter, sql string }{"I", "INSERT INTO %[1]s (%[2]s) VALUES (NULL)"})
	perWholeView = []struct{ letter, sql string }{
		{"O", "ALTER VIEW %s SET (security_barrier = true)"}, {"O", "DROP VIEW %s CASCADE"},
		{"O", "CREATE RULE r AS ON INSERT TO %s DO INSTEAD NOTHING"},
	}
	perSequence = []struct{ letter, sql string }{
		{"N", "SELECT nextval('%[1]s')"}, {"V", "SELECT setval('%[1]s', 1)"}, {"S", "SELECT last_value FROM %[1]s"},
		{"O", "ALTER SEQUENCE %[1]s RESTART"},
	}
)

const objectsSQL = `
SELECT CASE relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END AS kind, relname::text AS name, relhastriggers AS triggers,
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS parts
FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f', 'm', 'S', 'v')
UNION ALL
SELECT 'function', proname::text, false, ARRAY(
    SELECT CASE t WHEN 'anyelement'::regtype THEN 'NULL::subMsgList' ELSE 'NULL::' || t::regtype END
    FROM unnest(proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2`

// cells walks the catalogue: all there is to do with submsg's objects.
func cells(t *testing.T, conn *pgx.Conn) (all []cell) {
	t.Helper()
	type object struct {
		Kind, Name string
		Triggers   bool
		Parts      []string // a relation's columns, a function's arguments
	}
	rows, err := conn.Query(t.Context(), objectsSQL)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := pgx.CollectRows(rows, pgx.RowToStructByName[object])
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]struct{ letter, sql string }{"table": perTable, "view": perWholeView, "sequence": perSequence}
	each := map[string][]struct{ letter, sql string }{"table": perColumn, "view": perView}
	for _, o := range objects {
		line := o.Kind + " " + o.Name
		if o.Kind == "function" {
			all = append(all, cell{line, "E", fmt.Sprintf("SELECT %s(%s)", o.Name, strings.Join(o.Parts, ", "))},
				cell{line, "O", fmt.Sprintf("ALTER FUNCTION %s COST 1", o.Name)})
		}
		for _, v := range whole[o.Kind] {
			all = append(all, cell{line, v.letter, fmt.Sprintf(v.sql, o.Name)})
		}
		columns := each[o.Kind]
		if o.Kind == "view" && o.Triggers {
			columns = perTriggeredView
		}
		for _, column := range o.Parts {
			for _, v := range columns {
				all = append(all, cell{o.Name + "." + column, v.letter, fmt.Sprintf(v.sql, o.Name, column)})
			}
		}
	}
	return append(all, cell{"schema", "C", "CREATE TABLE public.mine ()"},
		cell{"submsglist.ctid", "S", "SELECT ctid FROM submsglist LIMIT 1"})
}

// Each login does everything that there is to do with each object that the catalogue has, and what it gets through with
// is what the matrix says. Nobody gives rights away.
func TestMatrix(t *testing.T) {
	t.Parallel()
	r := newRightsIn(t, pgtest.DBWithoutOrders(t))
	r.exec(`CREATE SCHEMA playground; GRANT CREATE, USAGE ON SCHEMA playground TO PUBLIC`)
	all := cells(t, r.Conn)
	got := map[string][]string{}
	for _, c := range all {
		got[c.line] = slices.Repeat([]string{"-"}, len(everybody))
	}
	for i, who := range everybody {
		conn := r.as(who)
		for _, c := range all {
			_, err := conn.PgConn().Exec(t.Context(), "ROLLBACK; BEGIN; "+c.sql).ReadAll()
			if letters := &got[c.line][i]; permitted(t, c.sql, err) && !strings.Contains(*letters, c.letter) {
				*letters = strings.TrimPrefix(*letters, "-") + c.letter
			}
		}
		if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
	said := expected(t)
	for name, works := range got {
		if !slices.Equal(works, said[name]) {
			t.Errorf("%s: %q works for %q, the matrix says %q", name, works, everybody, said[name])
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("%s is in the matrix only", name)
	}
	for _, acl := range []string{`SELECT relname, relacl FROM pg_class`, `SELECT proname, proacl FROM pg_proc`,
		`SELECT concat(attrelid::regclass, '.', attname), attacl FROM pg_attribute`} {
		given := read[[]string](t, r.Conn, `SELECT coalesce(array_agg(concat_ws(' ', privilege_type, name, grantee::regrole)), '{}')
			FROM (`+acl+`) AS o (name, acl), aclexplode(acl)
			WHERE grantee::regrole::text LIKE $1 AND (is_grantable OR privilege_type IN ('REFERENCES', 'TRIGGER', 'TRUNCATE'))`,
			r.names.Prefix+"%")
		if len(given) > 0 {
			t.Errorf("rights that nobody needs: %q", given)
		}
	}
}

// permitted tells a refusal from what comes after the rights: a NOT NULL or CHECK that DEFAULT doesn't meet.
func permitted(t *testing.T, sql string, err error) bool {
	t.Helper()
	var pg *pgconn.PgError
	if err != nil && !errors.As(err, &pg) {
		t.Fatal(err)
	}
	switch {
	case err == nil, pg.Code == "23502", pg.Code == "23514":
		return true
	case pg.Code == denied,
		pg.Code == "42830", pg.Code == "42P10": // nothing unique to refer to, and a generated column: looked at first
		return false
	case pg.Code == "42804": // a column of another type to refer to
		return true
	case strings.HasPrefix(sql, "SELECT") && (strings.Contains(sql, "(NULL::") || pg.Code == "0A000"):
		return true // a function that was called, and wants more than NULL, or to be a trigger's
	}
	t.Errorf("%s: %v", sql, err)
	return false
}
