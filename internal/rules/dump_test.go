package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// dumped makes tables whose columns have other numbers once they are restored.
const dumped = `ALTER TABLE shop.refunds ADD gone int, ADD seller text DEFAULT 's'; ALTER TABLE shop.refunds DROP gone;
CREATE TABLE shop."Ship 'd" (id int, month date, openid text, f boolean, late text, PRIMARY KEY (id, month))
	PARTITION BY RANGE (month);
ALTER TABLE shop."Ship 'd" DROP late, ADD "Who" text;
CREATE TABLE shop.ship_1 PARTITION OF shop."Ship 'd" DEFAULT;
INSERT INTO shop."Ship 'd" VALUES (1, '2030-01-01', 'o1', false, 'w');
SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{seller,id}', whenColumn => 'state', whenValues => '{paid}',
		hold => '1 hour', onInsert => true, name => 'state'),
	submsg_watch('shop."Ship ''d"', 't', 'openid', '{Who}', flag => 'f', onInsert => true, name => 'flag');
ALTER TABLE shop.refunds RENAME seller TO vendor; ALTER TABLE shop.refunds RENAME note TO seller`

// Rules and triggers work in a database that is restored from a dump.
func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"plain", "custom"} {
		t.Run(format, func(t *testing.T) {
			// The update lets the rule see the new names of its columns.
			d := newDB(t, dumped, `UPDATE shop.refunds SET state = 'paid' WHERE id = 5`, `DELETE FROM subMsgList`)
			r := d.restored(format)
			for _, rule := range []string{"state", "flag"} {
				if problem := one[*string](r, `SELECT problem FROM submsg_rules($1)`, rule); problem != nil {
					t.Errorf("%s is broken: %s", rule, *problem)
				}
			}
			const work = `UPDATE shop.refunds SET state = 'paid' WHERE id = 1;
				UPDATE shop.refunds SET state = 'paid' WHERE id = 2;
				UPDATE shop.refunds SET state = 'open' WHERE id = 2;
				INSERT INTO shop.refunds (buyer_openid, state) VALUES ('o6', 'paid');
				UPDATE shop."Ship 'd" SET f = true;
				INSERT INTO shop.ship_1 VALUES (2, '2030-01-02', 'o2', true, 'x')`
			for _, db := range []*db{d, r} {
				db.exec(work)
				db.want("o1 t s|1 wait", "o2 t s|2 cancel", "o6 t s|6 wait", "o1 t w wait", "o2 t x wait")
				db.wantErrors()
			}
		})
	}
}

// restored is a new database with all that is in this one, by pg_dump and psql or pg_restore.
func (d *db) restored(format string) *db {
	d.t.Helper()
	bin := pgtest.Server(d.t).BinDir()
	if _, err := os.Stat(filepath.Join(bin, "pg_dump")); err != nil {
		return d.restoredByHand() // some packages of Postgres have the server only
	}
	file, target := filepath.Join(d.t.TempDir(), "dump"), pgtest.Empty(d.t)
	restore := exec.Command(filepath.Join(bin, "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", target, "-f", file)
	if format == "custom" {
		restore = exec.Command(filepath.Join(bin, "pg_restore"), "--exit-on-error", "-d", target, file)
	}
	dump := exec.Command(filepath.Join(bin, "pg_dump"), "--format="+format, "-f", file, d.url)
	for _, cmd := range []*exec.Cmd{dump, restore} {
		if out, err := cmd.CombinedOutput(); err != nil {
			d.t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	return connect(d.t, target)
}

// restoredByHand does what a dump's script does: tables, then rows, then triggers, with an empty search_path.
func (d *db) restoredByHand() *db {
	d.t.Helper()
	r := connect(d.t, pgtest.DB(d.t))
	r.exec(shop + `ALTER TABLE shop.refunds RENAME note TO seller;
		ALTER TABLE shop.refunds ADD vendor text DEFAULT 's';
		UPDATE shop.refunds SET state = 'paid' WHERE id = 5;
		CREATE TABLE shop."Ship 'd" (id int, month date, openid text, f boolean, "Who" text, PRIMARY KEY (id, month))
			PARTITION BY RANGE (month);
		CREATE TABLE shop.ship_1 PARTITION OF shop."Ship 'd" DEFAULT;
		INSERT INTO shop."Ship 'd" VALUES (1, '2030-01-01', 'o1', false, 'w');
		SET search_path = ''; SET session_replication_role = replica; DELETE FROM public.subMsgRule`)
	d.exec(`SET search_path = ''`)
	r.exec(`INSERT INTO public.subMsgRule OVERRIDING SYSTEM VALUE
			SELECT * FROM jsonb_populate_recordset(NULL::public.subMsgRule, $1)`,
		one[string](d, `SELECT jsonb_agg(to_jsonb(r)) FROM public.subMsgRule r`))
	rows, _ := d.Query(d.t.Context(), `SELECT pg_get_triggerdef(oid) FROM pg_trigger
		WHERE tgname LIKE '~%' AND tgparentid = 0 AND tgrelid <> 'public.orders'::regclass`)
	triggers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(triggers) != 5 {
		d.t.Fatalf("%q, %v", triggers, err)
	}
	for _, sql := range triggers {
		r.exec(sql)
	}
	d.exec(`RESET search_path`)
	r.exec(`RESET search_path; RESET session_replication_role`)
	return r
}
