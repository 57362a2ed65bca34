package roles_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// Every function of the schema, those of later migrations too: nothing but built-ins on its path, nobody but the owner
// and who is granted it may call it or make a trigger of it, and only those that have to run with the owner's rights.
func TestFunctionsAreClosed(t *testing.T) {
	type function struct {
		Name, Config string
		Public       bool
		Definer      bool
	}
	d := newDB(t)
	rows, _ := d.Query(t.Context(), `
SELECT proname::text, coalesce((SELECT string_agg(c, '; ') FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%'), ''),
	has_function_privilege('public', oid, 'EXECUTE'), prosecdef
FROM pg_proc WHERE pronamespace = 'public'::regnamespace`)
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[function])
	if err != nil || len(got) < 4 {
		t.Fatalf("%v, %v", got, err)
	}
	// These update business tables for their caller, whose search_path the triggers there shall find.
	updating := []string{"submsgrule_touch", "submsg_replay"}
	definers := []string{"submsgrule_fire", "submsg_rules", "submsg_forget"}
	for _, f := range got {
		path, _, _ := strings.Cut(f.Config, "; ")
		want := function{f.Name, "search_path=pg_catalog, pg_temp", false, slices.Contains(definers, f.Name)}
		if slices.Contains(updating, f.Name) {
			want.Config = ""
		}
		if diff := cmp.Diff(want, function{f.Name, path, f.Public, f.Definer}); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	for _, f := range []string{"subMsgList_guard", "subMsg_wake",
		"subMsgRule_fire", "subMsgRule_touch", "subMsgRule_check", "subMsgRule_changed"} {
		if err := d.as("worker", "SELECT public."+f+"()"); code(err) != denied {
			t.Errorf("the worker calls %s: %v", f, err)
		}
		if _, err := d.Exec(t.Context(), "SELECT public."+f+"()"); code(err) != "0A000" { // only as a trigger
			t.Errorf("the owner calls %s: %v", f, err)
		}
		err := d.as("app", `CREATE TEMP TABLE mine (sendStatus text, issendmsg boolean);
			CREATE TRIGGER t BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION public.`+f+`()`)
		if code(err) != denied {
			t.Errorf("an application makes a trigger of %s: %v", f, err)
		}
	}
}

// Whoever checks runs nothing of what he finds: he is often a superuser, and the schema may be open to all.
func TestCheckRunsNoForeignCode(t *testing.T) {
	d := newAttack(t)
	d.exec(`SET SESSION AUTHORIZATION @clerk;` + overload("format", "text, name, text", "text", "'x'") + overload("quote_ident", "name", "text", "'x'") +
		overload("concat_ws", "text, text, text", "text", "'x'") +
		overload("unnest", "text[]", "SETOF text", "QUERY SELECT ''::text") +
		overload("has_table_privilege", "text, oid, text", "boolean", "true") + operator("name", "text") + `RESET SESSION AUTHORIZATION`)
	d.check()
	d.exec(d.names.SQL())
	if n := one[int](d, `SELECT count(*)::int FROM public.loot`); n != 0 {
		t.Error("foreign code ran")
	}
}
