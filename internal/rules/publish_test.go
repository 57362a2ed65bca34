package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/rules"
)

var (
	orderStatus = rules.Template{ID: "zT99", Name: "orderStatus", Params: []string{"a", "b", "c", "d"}}
	newer       = rules.Template{ID: "n1", Name: "newer", Params: []string{"a"}}
)

func (d *db) forget(unpublished time.Duration) {
	d.t.Helper()
	if err := rules.Forget(d.t.Context(), d.Conn, unpublished); err != nil {
		d.t.Fatal(err)
	}
}

func (d *db) published() []string {
	d.t.Helper()
	return one[[]string](d, `SELECT coalesce(array_agg(format('%s %s %s', templateId, name, cardinality(params)) ORDER BY templateId), '{}')
		FROM subMsgTemplate`)
}

func (d *db) wantPublished(want ...string) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.published()); diff != "" {
		d.t.Errorf("published (-want +got):\n%s", diff)
	}
}

// replica is a living one that knows a template with so many parameters.
func (d *db) replica(templateID string, params int) (replica string) {
	d.t.Helper()
	return one[string](d, `WITH r AS (
			INSERT INTO subMsgReplica (replica, host, pid, accounts, trouble, inHand, ahead, behind, refused, reasons)
			VALUES (gen_random_uuid(), 'another', 1, '{}', '', 0, 0, '{}', 0, '{}') RETURNING replica)
		INSERT INTO subMsgReplicaTemplate (templateId, replica, paramCount) SELECT $1, replica, $2 FROM r RETURNING replica`,
		templateID, params)
}

const ofNewer = `SELECT submsg_watch('shop.refunds', template => 'newer', openid => 'buyer_openid',
	params => ARRAY['goods'], flag => 'notify')`

// A replica that is restarted with older files takes nothing away: a rule of a newer template can be made, and makes
// its messages.
func TestOlderFilesTakeNothingAway(t *testing.T) {
	d := newDB(t)
	d.publish(orderStatus, newer)
	d.publish(orderStatus)
	d.wantPublished("n1 newer 1", "zT99 orderStatus 4")
	d.exec(ofNewer)
	d.publish(orderStatus)
	d.exec(`UPDATE shop.refunds SET notify = true`)
	d.wantErrors()
	if n := len(d.messages()); n != 5 {
		t.Errorf("%d messages", n)
	}
}

// Rules fit the number of parameters that any living replica's file has.
func TestRulesOfSeveralCatalogues(t *testing.T) {
	d := newDB(t)
	d.publish(rules.Template{ID: "n1", Name: "newer", Params: []string{"a", "b"}})
	d.fails(ofNewer, "22023", "has 2 parameters")
	another := d.replica("newer", 1)
	d.exec(ofNewer)
	problem := `SELECT coalesce(problem, '') FROM submsg_rules('shop.refunds:newer')`
	if p := one[string](d, problem); p != "" {
		t.Errorf("the rule has a problem: %s", p)
	}
	d.exec(`UPDATE subMsgReplica SET seen = now() - interval '91 s' WHERE replica = $1`, another)
	if p := one[string](d, problem); p == "" {
		t.Error("no replica takes so many parameters, and the rule has no problem")
	}
	d.fails(strings.Replace(ofNewer, "flag =>", "name => 'again', flag =>", 1), "22023", "has 2 parameters")
}

// What nobody publishes any more goes away after a while, but not while a living replica knows it.
func TestForget(t *testing.T) {
	d := newDB(t)
	d.publish(orderStatus, newer)
	d.exec(`UPDATE subMsgTemplate SET seenTime = now() - interval '2 h'`)
	d.publish(orderStatus)
	another := d.replica("n1", 1)
	d.forget(time.Hour)
	d.wantPublished("n1 newer 1", "zT99 orderStatus 4")
	d.exec(`UPDATE subMsgReplica SET seen = now() - interval '91 s' WHERE replica = $1`, another)
	d.forget(3 * time.Hour)
	d.wantPublished("n1 newer 1", "zT99 orderStatus 4")
	d.forget(time.Hour)
	d.wantPublished("zT99 orderStatus 4")
	d.fails(ofNewer, "42704", "there is no template newer")
}

// A name means one template at a time, the last one that was published by it: a template that has got another id keeps
// its rules.
func TestNameOfAnotherTemplate(t *testing.T) {
	d := newDB(t)
	d.publish(newer)
	d.exec(ofNewer)
	d.publish(rules.Template{ID: "n2", Name: "newer", Params: []string{"a"}})
	d.wantPublished("n1 n1 1", "n2 newer 1")
	if p := one[string](d, `SELECT coalesce(problem, '') FROM submsg_rules('shop.refunds:newer')`); p != "" {
		t.Errorf("the rule has a problem: %s", p)
	}
	d.publish(newer)
	d.wantPublished("n1 newer 1", "n2 n2 1")
}
