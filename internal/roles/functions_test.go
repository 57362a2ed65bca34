package roles_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// Every function of the schema, those of later migrations too: nobody but the owner and who is granted it may call it
// or make a trigger of it, and only those run with the owner's rights that have to. (internal/lab/attacks tries
// settings.)
func TestFunctionsAreClosed(t *testing.T) {
	type function struct {
		Name    string
		Public  bool
		Definer bool
	}
	d := newDB(t)
	rows, _ := d.Query(t.Context(), `
SELECT proname::text, has_function_privilege('public', oid, 'EXECUTE'), prosecdef
FROM pg_proc WHERE pronamespace = 'public'::regnamespace`)
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[function])
	if err != nil || len(got) < 4 {
		t.Fatalf("%v, %v", got, err)
	}
	definers := []string{"submsgrule_fire", "submsgrule_store", "submsg_rules", "submsg_forget",
		"submsgpause_spell"}
	for _, f := range got {
		if diff := cmp.Diff(function{f.Name, false, slices.Contains(definers, f.Name)}, f); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	for _, f := range []string{"subMsgList_guard", "subMsg_wake",
		"subMsgRule_fire", "subMsgRule_touch",
		"subMsgRule_check", "subMsgRule_store", "subMsgRule_complete", "subMsgRule_removed"} {
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
