package rules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/migrations"
)

// A rule that is broken, or can't be applied to a row, leaves the update alone and the flag set. It tells so in three
// places: to the client, in subMsgRuleError, and in submsg_rules() if it is the rule's fault. Once it is mended, a
// replay sends what was missed.
func TestBrokenAndReplayed(t *testing.T) {
	t.Parallel()
	const update = `UPDATE shop.refunds SET state = 'paid', notify = true WHERE id = 1`
	for _, tt := range []struct{ name, rule, damage, problem, err, mend string }{
		{"column dropped", byFlag, `ALTER TABLE shop.refunds DROP note`, "the table has no column note any more", "the table has no column note any more",
			`ALTER TABLE shop.refunds ADD note text DEFAULT 'n'; SELECT submsg_watch('shop.refunds', 'orderStatus', 'buyer_openid', '{goods,amount,state,note}', flag => 'notify', name => 'shop.refunds:orderStatus')`},
		{"template gone", byFlag, `INSERT INTO subMsgTemplate VALUES ('x', 'x')`, `there is no template "orderStatus" any more`, `there is no template "orderStatus" any more`,
			`INSERT INTO subMsgTemplate (templateId, name, params) VALUES ('y', 'orderStatus', '{a,b,c,d}')`},
		{"openid NULL", byFlag, `UPDATE shop.refunds SET buyer_openid = NULL`, "", "the openid, column buyer_openid, is NULL", `ALTER TABLE shop.refunds DISABLE TRIGGER ALL; UPDATE shop.refunds SET buyer_openid = 'o1'; ALTER TABLE shop.refunds ENABLE TRIGGER ALL`},
		{"openid refused", byFlag, `UPDATE shop.refunds SET buyer_openid = 'a b'`, "", "openid_is_1_to_64_ascii_characters_without_white_space", `ALTER TABLE shop.refunds DISABLE TRIGGER ALL; UPDATE shop.refunds SET buyer_openid = 'o1'; ALTER TABLE shop.refunds ENABLE TRIGGER ALL`},
		{"value too long", byFlag, `UPDATE shop.refunds SET note = repeat('x', 9000)`, "", "column note has a value that is longer than a message can be (8192 bytes)", `ALTER TABLE shop.refunds DISABLE TRIGGER ALL; UPDATE shop.refunds SET note = 'n'; ALTER TABLE shop.refunds ENABLE TRIGGER ALL`},
		{"no word in the map", `SELECT submsg_watch('shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','{"column":"state","map":{"open":"开"}}','note'], flag => 'notify', name => 'm')`, ``, "",
			"parameter 3: the map has no word for what column state says", `SELECT submsg_watch('shop.refunds', 'orderStatus', 'buyer_openid', '{goods,amount,state,note}', flag => 'notify', name => 'm')`},
		{"no flag column: the row is read again", `SELECT submsg_watch('shop.refunds', 'orderStatus', 'buyer_openid', '{goods,amount,state,note}', whenColumn => 'state', whenValues => '{paid}')`,
			`UPDATE shop.refunds SET buyer_openid = NULL`, "", "the openid, column buyer_openid, is NULL", `UPDATE shop.refunds SET buyer_openid = 'o1'`},
		{"no time any more", `SELECT submsg_watch('shop.refunds', 'orderStatus', 'buyer_openid', '{goods,amount,state,note}', flag => 'notify', sendAfter => 'at - 100 years', name => 'm')`, `ALTER TABLE shop.refunds ALTER at TYPE text`,
			"column at is of type text now, which has no format and is no time", "column at is of type text now, which has no format and is no time", `ALTER TABLE shop.refunds ALTER at TYPE timestamptz USING at::timestamptz`},
		{"messages locked", byFlag, ``, "", "could not obtain lock on relation \"public.submsglist\"", ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t, tt.rule)
			d.exec(tt.damage)
			d.notices = nil
			other := connect(t, d.url)
			if strings.Contains(tt.name, "locked") {
				other.exec(`BEGIN; LOCK TABLE subMsgList`)
			}
			d.exec(update)
			other.exec(`ROLLBACK`)
			if got := one[string](d, `SELECT state FROM shop.refunds WHERE id = 1`); got != "paid" {
				t.Errorf("the update did not go through: %s", got)
			}
			if strings.Contains(tt.rule, "flag") && !one[bool](d, `SELECT notify FROM shop.refunds WHERE id = 1`) {
				t.Error("the flag is reset, and nobody was told")
			}
			if !d.warned(tt.err) {
				t.Errorf("warnings %q", d.notices)
			}
			stored := one[string](d, `SELECT error || rowKey::text || (rowData->>'state') FROM subMsgRuleError`)
			if !strings.HasSuffix(stored, `{"id": "1"}paid`) || !strings.Contains(stored, tt.err) {
				t.Errorf("stored: %s", stored)
			}
			if got := one[string](d, `SELECT coalesce(problem, '') FROM submsg_rules() WHERE rule <> 'orders'`); got != tt.problem {
				t.Errorf("the list says %q", got)
			}
			if tt.mend != "" {
				done, err := rules.Replay(t.Context(), d.Conn, "")
				if err != nil || len(done) != 1 || done[0].Failed != 1 || done[0].Sent != 0 ||
					!strings.Contains(done[0].Error, tt.err) {
					t.Errorf("replayed before it is mended: %v, %v", done, err)
				}
			}
			d.want()
			d.exec(tt.mend)
			done, err := rules.Replay(t.Context(), d.Conn, "")
			if err != nil || len(done) != 1 || done[0].Sent != 1 || done[0].Failed != 0 || done[0].Gone != 0 {
				t.Errorf("replayed: %v, %v", done, err)
			}
			d.want("o1 orderStatus 货1|1|paid|n wait")
			d.wantErrors()
			if strings.Contains(tt.rule, "flag") && one[bool](d, `SELECT notify FROM shop.refunds WHERE id = 1`) {
				t.Error("the flag is set still")
			}
			if done, err := rules.Replay(t.Context(), d.Conn, ""); err != nil || len(done) != 0 {
				t.Errorf("replayed again: %v, %v", done, err)
			}
		})
	}
}

// What asks for no message any more isn't replayed.
func TestReplayGone(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag, `SELECT submsg_watch('shop.refunds', 's', 'buyer_openid', whenColumn => 'state', whenValues => '{paid}')`,
		`UPDATE shop.refunds SET buyer_openid = NULL`, `UPDATE shop.refunds SET notify = true, state = 'paid'`)
	d.exec(`UPDATE shop.refunds SET buyer_openid = 'o' WHERE id = 4;
		ALTER TABLE shop.refunds DISABLE TRIGGER ALL;
		UPDATE shop.refunds SET buyer_openid = 'o';
		UPDATE shop.refunds SET notify = false, state = 'open' WHERE id = 1;
		DELETE FROM shop.refunds WHERE id = 2;
		ALTER TABLE shop.refunds ENABLE TRIGGER ALL;
		DELETE FROM subMsgList`)
	done, err := rules.Replay(t.Context(), d.Conn, "")
	want := []rules.Replayed{
		{Rule: "shop.refunds:orderStatus", Sent: 2, Gone: 3},
		{Rule: "shop.refunds:s", Sent: 3, Gone: 2},
	}
	if diff := cmp.Diff(want, done); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	d.wantErrors()
}

// Rules with one flag stand or fall together. Otherwise a replay would send the message of one of them twice.
func TestOneFlagTwoRules(t *testing.T) {
	t.Parallel()
	d := newDB(t, `SELECT submsg_watch('shop.refunds', 'buyer', 'buyer_openid', flag => 'notify'),
			submsg_watch('shop.refunds', 'seller', 'note', flag => 'notify')`,
		`UPDATE shop.refunds SET note = NULL WHERE id = 1`)
	d.exec(`UPDATE shop.refunds SET notify = true WHERE id = 1`)
	d.want()
	d.wantErrors("shop.refunds:seller: the openid, column note, is NULL")
	d.exec(`UPDATE shop.refunds SET note = 's' WHERE id = 1`) // the flag is kept: it fires as soon as it can
	d.want("o1 buyer  wait", "s seller  wait")
	if done, _ := rules.Replay(t.Context(), d.Conn, ""); len(done) != 1 || done[0].Gone != 1 {
		t.Errorf("%v", done)
	}
}

// Everything of ours may be gone, locked or read-only: the business update goes on.
func TestNeverInTheWay(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{
		`DROP TABLE subMsgList CASCADE`,
		`DROP TABLE subMsgRuleError CASCADE`,
		`DROP TABLE subMsgRule CASCADE`,
		`DROP TABLE subMsgTemplate CASCADE`,
		`DROP TABLE subMsgHeld`,
		`DROP TABLE subMsgRuleError, subMsgList CASCADE`,
		`ALTER TABLE subMsgRule RENAME plan TO plans`,
		`UPDATE subMsgRule SET query = 'nonsense'`,
		`UPDATE subMsgRule SET columnSeen = '{}', madeFor = ''`,
		`ALTER TABLE subMsgList ADD CHECK (openid = 'nobody') NOT VALID`,
		`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
		CREATE TRIGGER no BEFORE INSERT ON subMsgList FOR EACH ROW EXECUTE FUNCTION no()`,
	} {
		t.Run(damage, func(t *testing.T) {
			d := newDB(t, byFlag)
			d.exec(damage)
			d.notices = nil
			d.exec(`UPDATE shop.refunds SET state = 'paid', notify = true WHERE id = 1`)
			sent := one[bool](d, `SELECT NOT notify FROM shop.refunds WHERE id = 1 AND state = 'paid'`)
			if sent == d.warned("submsg") {
				t.Errorf("sent %t, and warnings %q", sent, d.notices)
			}
		})
	}
	for _, locked := range []string{
		"subMsgRule",
		"subMsgTemplate",
		"subMsgList",
		"subMsgHeld",
		"subMsgRule, subMsgTemplate, subMsgList, subMsgHeld, subMsgRuleError",
	} {
		t.Run(locked, func(t *testing.T) {
			d := newDB(t, byFlag)
			other := connect(t, d.url)
			other.exec(`BEGIN; LOCK TABLE ` + locked + ` IN ACCESS EXCLUSIVE MODE`)
			d.exec(`UPDATE shop.refunds SET state = 'paid', notify = true`)
			if !d.warned("could not obtain lock") || !one[bool](d, `SELECT bool_and(notify) FROM shop.refunds WHERE state = 'paid'`) {
				t.Errorf("warnings %q", d.notices)
			}
		})
	}
}

// A migration down that is cut off forgets the objects and drops the functions, and with them the triggers of business
// tables. The next one up makes these again.
func TestTriggersComeBack(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag, `DELETE FROM subMsgObject; DROP FUNCTION subMsgRule_fire() CASCADE`)
	if err := migrations.Up(t.Context(), d.url); err != nil {
		t.Fatal(err)
	}
	d.exec(`UPDATE shop.refunds SET notify = true WHERE id = 1`)
	d.want("o1 orderStatus 货1|1|open|n wait")
}

// A hold rule needs the key it was defined with.
func TestKeyGone(t *testing.T) {
	t.Parallel()
	d := newDB(t, `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{note}', flag => 'notify',
			hold => '1 min', name => 'h')`,
		`ALTER TABLE shop.refunds DROP CONSTRAINT refunds_pkey;
		ALTER TABLE shop.refunds RENAME note TO remark;
		UPDATE shop.refunds SET notify = true WHERE id = 1`)
	d.want()
	d.wantErrors("h: the key of the table is another now, or gone: define the rule again")
	done, err := rules.Replay(t.Context(), d.Conn, "h")
	if err != nil || len(done) != 1 || !strings.Contains(done[0].Error, "another now") {
		t.Errorf("%v, %v", done, err)
	}
	d.exec(`ALTER TABLE shop.refunds ADD PRIMARY KEY (id); UPDATE shop.refunds SET remark = 'x' WHERE id = 1`)
	d.want("o1 t x wait")
}
