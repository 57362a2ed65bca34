package e2e

import "testing"

// serve deletes what SUBMSG_RETENTION says, and says so.
func TestServeForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	psql(t, w.db, `INSERT INTO subMsgList (openid, templateId, sendStatus, createTime, updateTime)
		SELECT 'old', 't', status, now() - interval '9 days', now() - interval '9 days' FROM unnest('{success,fail,unknown}'::text[]) AS status;`)
	p := w.serve("SUBMSG_RETENTION=5d,fail=30d")
	p.says(`msg="deleted what was kept long enough" messages=1`)
	fails, unknowns, all := w.count("fail"), w.count("unknown"), w.number(`SELECT count(*) FROM subMsgList`)
	if fails != 1 || unknowns != 1 || all != 2 {
		t.Errorf("%d fail, %d unknown, %d in all; want one of each", fails, unknowns, all)
	}
}
