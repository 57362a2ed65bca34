package roles_test

import (
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// Where nobody but a superuser may see the cluster's identifier, a copy is told by the rest.
func TestWorkerWithoutTheCluster(t *testing.T) {
	d := newDB(t)
	d.exec(`REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC`) // of this database only
	g := &gateway{tries: map[string]int{}, over: true}
	login := d.login("worker")
	d.serve(login, g)
	const insert = `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o', 't', '{a}') RETURNING id`
	d.becomes(one[int64](d, insert), "success")
	if !one[bool](d, `SELECT systemIdentifier IS NULL AND databaseOid > 0 AND listOid > 0 FROM subMsgOrigin`) {
		t.Error("what is noted of the origin isn't what the worker may see")
	}
	d.exec(`UPDATE subMsgOrigin SET systemIdentifier = 1, databaseOid = 1; INSERT INTO subMsgPause (templateId, reason, errCode, probeAt) VALUES ('*', 'quota', 45009, 'infinity')`)
	d.serve(login, g)
	d.eventually("the copy is noticed", func() bool {
		return one[int](d, `SELECT count(*)::int FROM subMsgPause WHERE templateId = '*' AND probeAt = 'infinity' AND reason LIKE '%a copy%quota' AND errCode IS NULL`) == 1
	})
	person := pgtest.Connect(t, d.login("admin"))
	if _, err := person.Exec(t.Context(), `DELETE FROM subMsgPause WHERE templateId = '*'`); err != nil {
		t.Fatal(err)
	}
	d.becomes(one[int64](d, insert), "success")
}
