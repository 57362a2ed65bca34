package roles_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// The script needs no superuser: the owner of schema and tables runs it, who may make roles.
func TestScriptOfAnOrdinaryOwner(t *testing.T) {
	d := newDB(t)
	d.dropRoles()
	d.exec(`CREATE ROLE @owner CREATEROLE; ALTER SCHEMA public OWNER TO @owner; GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC`)
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
	if got := d.check(); len(got) != 0 {
		t.Errorf("left to do: %q", got)
	}
}
