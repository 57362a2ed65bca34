package roles_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// Whoever has got hold of submsg's login deletes no message that is on its way and none that was inserted within a day,
// and by hand he makes none look older; nor does what his session brings along change what the function is about.
func TestWorkerForgetsOnlyWhatIsOld(t *testing.T) {
	const everything = `SELECT public.subMsg_forget(-1, 1000, '{wait,sending,success,fail,unknown,cancel,expired}', array_fill('0 s'::interval, '{7}'))`
	all := []string{"wait-9", "sending-9", "success-9", "fail-9", "unknown-9", "cancel-9", "expired-9",
		"wait-0", "success-0", "fail-0"}
	for _, tt := range []struct {
		name, sql string
		left      []string
	}{
		{"everything", everything, []string{"wait-9", "sending-9", "wait-0", "success-0", "fail-0"}},
		{"with ages below nothing", `SELECT subMsg_forget(-1, 1000, '{wait,success,fail}', '{-9 d,-9 d,-9 d}')`,
			[]string{"wait-9", "sending-9", "unknown-9", "cancel-9", "expired-9", "wait-0", "success-0", "fail-0"}},
		{"ages unknown", `SELECT subMsg_forget(-1, 1000, '{success,fail}', '{NULL,NULL}')`, all},
		{"ages missing", `SELECT subMsg_forget(-1, 1000, '{success,fail}', '{}')`, all},
		{"nothing said", `SELECT subMsg_forget(NULL, NULL, NULL, NULL)`, all},
		{"those just settled", `UPDATE subMsgList SET sendStatus = 'expired', sendTime = '2000-01-01', updateTime = '2000-01-01' WHERE sendStatus = 'wait'; ` + everything,
			[]string{"wait-9", "sending-9", "wait-0", "success-0", "fail-0"}},
		{"with a time that never was", `UPDATE subMsgList SET updateTime = '-infinity' WHERE sendStatus IN ('success', 'fail'); ` + everything,
			[]string{"wait-9", "sending-9", "success-9", "fail-9", "wait-0", "success-0", "fail-0"}},
		{"by what looks like a claim and a settlement", `UPDATE subMsgList SET sendStatus = 'sending', claimId = gen_random_uuid(), leaseUntil = now(), updateTime = '-infinity' WHERE sendStatus = 'wait';
			UPDATE subMsgList SET sendStatus = 'fail', leaseUntil = NULL, updateTime = '-infinity' WHERE sendStatus = 'sending'; ` + everything,
			[]string{"wait-0", "success-0", "fail-0"}},
		{"with tables of his own", `CREATE TEMP TABLE subMsgList (id bigint, sendStatus text, createTime timestamptz, updateTime timestamptz);
			CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'infinity'::timestamptz $$;
			SET search_path = pg_temp, public, pg_catalog; ` + everything, []string{"wait-9", "sending-9", "wait-0", "success-0", "fail-0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t)
			for _, who := range all {
				d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, createTime, updateTime, claimId, leaseUntil)
					SELECT who, 't', status, t, t, CASE status WHEN 'sending' THEN gen_random_uuid() END, CASE status WHEN 'sending' THEN t END
					FROM (SELECT $1::text AS who, split_part($1, '-', 1) AS status, now() - make_interval(days => split_part($1, '-', 2)::int) AS t) AS s`, who)
			}
			d.exec(`GRANT TEMP ON DATABASE ` + pgx.Identifier{d.Config().Database}.Sanitize() + ` TO @worker`)
			worker := pgtest.Connect(t, d.login("worker"))
			if _, err := worker.Exec(t.Context(), tt.sql); err != nil {
				t.Fatal(err)
			}
			left := one[[]string](d, `SELECT array_agg(openid ORDER BY id) FROM subMsgList`)
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
