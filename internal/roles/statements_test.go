package roles_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/migrations"
)

// statements reads the SQL constants of packages outbox, metrics and explain from their source, by name, but for those
// that are parts of others.
func statements(t *testing.T) map[string]string {
	t.Helper()
	var files []string
	for _, of := range []string{"../../outbox/*.go", "../../outbox/internal/store/*.go", "../metrics/*.go",
		"../explain/*.go"} {
		found, err := filepath.Glob(of)
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s: %v", of, err)
		}
		files = append(files, found...)
	}
	constants := map[string]ast.Expr{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
				for i, name := range spec.Names {
					constants[name.Name] = spec.Values[i]
				}
			}
			return true
		})
	}
	found := map[string]string{}
	for name, value := range constants {
		if strings.HasSuffix(name, "SQL") {
			found[name] = text(t, value, constants)
		}
	}
	for name := range maps.Clone(found) {
		ast.Inspect(constants[name], func(node ast.Node) bool {
			if part, ok := node.(*ast.Ident); ok {
				delete(found, part.Name)
			}
			return true
		})
	}
	if len(found) < 10 {
		t.Fatalf("only %d statements: %v", len(found), slices.Collect(maps.Keys(found)))
	}
	return found
}

// text is the value of a constant: literals and other constants, joined.
func text(t *testing.T, value ast.Expr, constants map[string]ast.Expr) string {
	t.Helper()
	switch v := value.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(v.Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	case *ast.Ident:
		return text(t, constants[v.Name], constants)
	case *ast.BinaryExpr:
		return text(t, v.X, constants) + text(t, v.Y, constants)
	}
	t.Fatalf("not a constant: %T", value)
	return ""
}

// explain prepares statements and returns those that look at their rights and do nothing.
func (d *db) explain(list map[string]string) map[string]string {
	d.t.Helper()
	explains := map[string]string{}
	for name, sql := range list {
		arguments := 0
		for strings.Contains(sql, "$"+strconv.Itoa(arguments+1)) {
			arguments++
		}
		d.exec("PREPARE " + name + " AS " + sql)
		explains[name] = "EXPLAIN EXECUTE " + name
		if arguments > 0 {
			explains[name] += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", arguments), ", ") + ")"
		}
	}
	return explains
}

// refusedAs tells which statements the role has no right to.
func (d *db) refusedAs(role string, explains map[string]string) (refused []string) {
	d.t.Helper()
	for name, sql := range explains {
		err := d.as(role, sql)
		if code(err) == denied {
			refused = append(refused, name)
		} else if err != nil {
			d.t.Errorf("%s: %v", name, err)
		}
	}
	return refused
}

// The worker has what packages outbox, metrics and explain do, all but the INSERT, which is the application's, and not
// one column more.
func TestRightsAreWhatTheStatementsNeed(t *testing.T) {
	d := newDB(t)
	sending := statements(t)
	inserting := d.explain(map[string]string{"insertSQL": sending["insertSQL"]})
	delete(sending, "insertSQL")
	sending["templatesSQL"], sending["unpublishedSQL"] = rules.PublishSQL, rules.ForgetSQL
	sending["versionSQL"] = `SELECT version, dirty FROM ` + migrations.VersionTable
	explains := d.explain(sending)

	if refused := d.refusedAs("app", inserting); refused != nil {
		t.Errorf("refused to applications: %q", refused)
	}
	if refused := d.refusedAs("worker", explains); refused != nil {
		t.Errorf("refused to the worker: %q", refused)
	}
	for _, g := range d.columnsOf("worker") {
		d.exec(fmt.Sprintf("REVOKE %s FROM @worker", g))
		if refused := d.refusedAs("worker", explains); refused == nil {
			t.Errorf("no statement needs %s", g)
		}
		d.exec(fmt.Sprintf("GRANT %s TO @worker", g))
	}
}

// columnsOf lists the rights to tables that the script gives to a role, "SELECT (id) ON public.submsglist".
func (d *db) columnsOf(role string) (list []string) {
	d.t.Helper()
	rows, err := d.Query(d.t.Context(), `
SELECT format('%s (%I) ON %s', privilege_type, attname, attrelid::regclass) FROM pg_attribute, aclexplode(attacl) WHERE grantee = $1::regrole
UNION ALL
SELECT format('%s ON %s', privilege_type, oid::regclass) FROM pg_class, aclexplode(relacl) WHERE grantee = $1::regrole AND relkind = 'r'
UNION ALL
SELECT format('%s ON FUNCTION %s', privilege_type, oid::regprocedure) FROM pg_proc, aclexplode(proacl) WHERE grantee = $1::regrole ORDER BY 1`, d.role(role))
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var g string
		if err := rows.Scan(&g); err != nil {
			d.t.Fatal(err)
		}
		list = append(list, g)
	}
	if rows.Err() != nil || len(list) < 2 {
		d.t.Fatalf("%q: %v", list, rows.Err())
	}
	return list
}

// What the grants are for, in statements.
func TestPromises(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, dedupKey) VALUES ('o1', 't', 'fail', 'k')`)
	d.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2)`)
	d.exec(`SELECT setval('subMsgWake', 1)`)
	const insert = `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o1', 't', '{a}')`
	for _, tt := range []struct{ role, sql, code string }{
		{"app", insert, ""},
		{"app", insert + ` RETURNING id`, ""},
		{"app", insert + ` ON CONFLICT DO NOTHING`, ""},
		{"app", `INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('o1', 't', 'k') ON CONFLICT DO NOTHING RETURNING id`, ""},
		{"app", `INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('o1', 't', 'k') ON CONFLICT (dedupKey) WHERE dedupKey IS NOT NULL DO NOTHING`, denied},
		{"app", `SELECT dedupKey FROM subMsgList`, denied},
		{"app", `INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('o1', 't', 'k')`, "23505"},
		{"app", insert + ` RETURNING openid`, denied},
		{"app", `INSERT INTO subMsgList (openid, templateId, sendStatus) VALUES ('o1', 't', 'success')`, denied},
		{"app", `INSERT INTO subMsgList (openid, templateId, createTime) VALUES ('o1', 't', now())`, denied},
		{"app", `SELECT openid FROM subMsgList`, denied},
		{"app", `UPDATE orders SET isSendMsg = true`, denied},
		{"app", `SELECT pg_notify('submsg', '')`, ""}, // anybody's in any database: wakes are hints
		{"worker", insert, denied},
		{"worker", `DELETE FROM subMsgList`, denied},
		{"worker", `UPDATE subMsgList SET openid = 'o2'`, denied},
		{"worker", `UPDATE subMsgList SET parameterArr = '{x}'`, denied},
		{"worker", `UPDATE subMsgList SET sendStatus = 'sending', templateId = 'x'`, denied},
		{"worker", `ALTER TABLE subMsgList DISABLE TRIGGER ALL`, denied},
		{"worker", `SET session_replication_role = replica`, denied},
		{"admin", insert + ` RETURNING *`, ""},
		{"admin", `UPDATE subMsgList SET openid = 'o2', parameterArr = '{x}', sendStatus = 'wait'`, ""},
		{"admin", `UPDATE subMsgList SET sendStatus = 'success'`, "23514"}, // the guard
		{"admin", `UPDATE subMsgList SET attempts = 0`, denied},
		{"admin", `UPDATE subMsgList SET sendStatus = 'sending', claimId = gen_random_uuid(), leaseUntil = now()`, denied},
		{"admin", `DELETE FROM subMsgList`, ""},
		{"admin", `TRUNCATE subMsgList`, denied},
		{"admin", `DELETE FROM subMsgPause`, ""},
		{"admin", `SELECT submsg_watch('pg_authid', 't', 'rolname', '{rolpassword}', flag => 'rolsuper')`, "42809"},
		{"admin", `SELECT submsg_watch('orders', 't', 'openid', flag => 'isSendMsg')`, denied}, // may not make triggers there
		{"admin", `UPDATE subMsgRule SET query = 'SELECT 1'`, denied},
		{"admin", `INSERT INTO subMsgRule (name, tableName, templateId, plan) VALUES ('mine', 'orders', 't', '{"openid": "openid", "params": ["cardNumber"], "flag": "isSendMsg"}')`, denied},
		{"app", `SELECT submsg_watch('orders', 't', 'openid', flag => 'isSendMsg')`, denied},
		{"readonly", `SELECT call FROM submsg_rules()`, ""},
		{"readonly", `SELECT id, sendStatus FROM subMsgList`, ""},
		{"readonly", `SELECT * FROM subMsgFailures, subMsgPaused, subMsgHealth, subMsgRecent, subMsgCause`, ""},
		{"worker", `SELECT FROM subMsgHealth`, denied},
		{"app", `SELECT FROM subMsgRecent`, denied},
		{"readonly", `SELECT * FROM subMsgList`, denied},
		{"readonly", `SELECT openid FROM subMsgList`, denied},
		{"readonly", `SELECT page FROM subMsgList`, denied},
		{"readonly", `SELECT subMsgList::text FROM subMsgList`, denied},
		{"readonly", `SELECT rowData FROM subMsgRuleError`, denied},
		{"readonly", `UPDATE subMsgList SET sendStatus = 'wait'`, denied},
	} {
		if err := d.as(tt.role, tt.sql); code(err) != tt.code {
			t.Errorf("%s: %s: %v, want %q", tt.role, tt.sql, err, tt.code)
		}
	}
}
