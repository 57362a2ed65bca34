package roles_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// The script needs no superuser: the tables' owner runs it, who may make roles. On older servers the schema isn't his,
// so that what it says of the schema is but a warning there, and what is left is told by the check.
func TestScriptOfAnOrdinaryOwner(t *testing.T) {
	d := newDB(t)
	d.dropRoles()
	d.exec(`CREATE ROLE @owner CREATEROLE; CREATE ROLE @dba;
		ALTER SCHEMA public OWNER TO @dba; GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC`)
	rows, _ := d.Query(t.Context(), `SELECT format('ALTER %s %s OWNER TO ', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass) FROM pg_class c
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v') AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'i')
		UNION ALL SELECT format('ALTER FUNCTION %s OWNER TO ', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`)
	owned, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(owned) < 10 {
		t.Fatalf("%q, %v", owned, err)
	}
	for _, sql := range owned {
		d.exec(sql + "@owner")
	}
	d.exec(`SET SESSION AUTHORIZATION @owner`)
	d.exec(d.names.SQL())
	d.exec(`RESET SESSION AUTHORIZATION`)
	want := d.named(`REVOKE CREATE ON SCHEMA public FROM PUBLIC;`)
	if got := d.check(); len(got) != 1 || got[0] != want {
		t.Errorf("left to the administrator: %q, want %q", got, want)
	}
	d.exec(want)
	if got := d.check(); len(got) != 0 {
		t.Errorf("still: %q", got)
	}
}
