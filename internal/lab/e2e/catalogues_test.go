package e2e

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// Two replicas have template files of their own, as in a rolling change of them: the older one lacks a template, and of
// another one it has one parameter less. Both are killed and started at random while messages are inserted of all of
// these, and of a misspelt one. Each message is sent by whom it fits, and nothing is burnt but what fits nobody.
func TestCataloguesOfTwoReplicas(t *testing.T) {
	t.Parallel()
	resent := func(name, params, text string) string {
		return fmt.Sprintf("id: %s-id\nname: %[1]s\nonUnknown: resend\nparams: [%s]\ndata:\n  thing1: \"%s\"\n",
			name, params, text)
	}
	older := map[string]string{"x.yaml": resent("x", "a", "{a}"), "grown.yaml": resent("grown", "a", "{a}")}
	newer := map[string]string{"x.yaml": older["x.yaml"], "grown.yaml": resent("grown", "a, b", "{a}{b}"),
		"y.yaml": resent("y", "a", "{a}")}
	w := newWorld(t, "--grant-all", "--templates="+writeTemplates(t, newer))
	const wait = 8 * time.Second
	settings := []string{"SUBMSG_SEND_TIMEOUT=2s", "SUBMSG_LEASE=3s", "SUBMSG_SENDERS=4", "SUBMSG_POLL=300ms",
		"SUBMSG_TEMPLATE_WAIT=" + wait.String()}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	n := 0
	insert := func(templateID string, parameters ...string) {
		n++
		if _, err := w.pool.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ($1, $2, $3)`,
			person(n), templateID, parameters); err != nil {
			t.Fatal(err)
		}
	}
	replicas := []*restless{
		{env: "SUBMSG_TEMPLATES=" + writeTemplates(t, older), kills: 2},
		{env: "SUBMSG_TEMPLATES=" + writeTemplates(t, newer), kills: 2},
	}
	const grownSQL = `SELECT count(*) FROM subMsgReplicaTemplate WHERE templateId = 'grown' AND paramCount = $1`
	tick := time.NewTicker(50 * time.Millisecond)
	for goesOn := true; goesOn; <-tick.C {
		goesOn = false
		for _, r := range replicas {
			goesOn = r.step(w, dice, settings) || goesOn
		}
		insert("x", "a")
		insert("x-id", "a")
		insert("y", "a")
		insert("misspelt", "a")
		for _, parameters := range [][]string{{"a"}, {"a", "b"}} {
			if w.number(grownSQL, len(parameters)) > 0 { // otherwise it fits nobody, as far as is known
				insert("grown", parameters...)
			}
		}
	}
	// What was in flight at a kill is sent again, as its template says; where the older one sweeps it, which doesn't
	// know y's file, it is unknown, as if the file said nothing.
	eventually(t, "all that fits somebody is sent", func() bool {
		return w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus <> 'success' AND templateId <> 'misspelt'
			AND NOT (sendStatus = 'unknown' AND templateId = 'y')`) == 0
	})
	eventually(t, "the misspelt ones fail", func() bool {
		return w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus <> 'fail' AND templateId = 'misspelt'`) == 0
	})
	if n := w.number(`SELECT count(*) FROM subMsgList WHERE templateId = 'misspelt' AND sendStatusMsg LIKE '未知模板%'`); n == 0 {
		t.Error("no misspelt one says why")
	}
	early := w.number(`SELECT count(*) FROM (SELECT min(sendTime) AS sent, min(createTime) AS created FROM subMsgList WHERE templateId = 'misspelt') AS m
		WHERE sent < created + make_interval(secs => $1)`, wait.Seconds())
	if early > 0 {
		t.Error("a misspelt one failed before its time")
	}
	insert("grown", "a", "b", "c") // fits nobody
	w.await(person(n), "fail")
}

// restless is a replica that is killed so many times more, and started again.
type restless struct {
	env   string
	kills int
	p     *process
}

// step starts it, or kills it by chance. goesOn: it isn't there for good yet.
func (r *restless) step(w *world, dice *rand.Rand, settings []string) (goesOn bool) {
	switch {
	case r.p == nil:
		r.p = start(w.t, w.settings(append(settings, r.env)...), "serve")
	case r.kills > 0 && r.p.count("msg=serving") > 0 && dice.IntN(20) == 0:
		r.p.signal(syscall.SIGKILL)
		<-r.p.done
		r.p, r.kills = nil, r.kills-1
	}
	return r.kills > 0 || r.p == nil
}

// A template whose file is gone for a moment, in the only replica, is not burnt; and rules know templates that no
// replica publishes any more for a while.
func TestTemplateFileGoneForAMoment(t *testing.T) {
	t.Parallel()
	status := shippedTemplate(t, "orderStatus.yaml")
	dir := writeTemplates(t, map[string]string{"orderStatus.yaml": status})
	fakes := writeTemplates(t, map[string]string{"orderStatus.yaml": status, "latecomer.yaml": latecomer})
	w := newWorld(t, "--grant-all", "--templates="+fakes)
	rename(t, dir, "latecomer.yaml", latecomer)
	p := w.serve("SUBMSG_TEMPLATES="+dir, "SUBMSG_TEMPLATE_WAIT=1h", "SUBMSG_PUBLISH_EVERY=1s")
	mv := func(from, to string) {
		t.Helper()
		rename(t, dir, to, latecomer)
		remove(t, dir, from)
	}
	mv("latecomer.yaml", "latecomer.aside")
	p.says(`msg="accounts and templates reloaded" accounts=1 templates=1`)
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr) SELECT '"+personMark+
		"' || lpad(g::text, 24, '0'), 'latecomer', '{hello}' FROM generate_series(1, 100) g;\n")
	psql(t, w.db, insertFor(200))
	w.await(person(200), "success")
	mv("latecomer.aside", "latecomer.yaml")
	p.says(`msg="accounts and templates reloaded" accounts=1 templates=2`)
	eventually(t, "all are sent", func() bool { return w.count("success") == 101 })

	known := func(name string) bool {
		return w.number(`SELECT count(*) FROM subMsgTemplate WHERE name = $1`, name) == 1
	}
	if !known("latecomer") {
		t.Error("it isn't published")
	}
	remove(t, dir, "latecomer.yaml")
	eventually(t, "nobody publishes it", func() bool {
		return p.count(`msg="accounts and templates reloaded" accounts=1 templates=1`) == 2
	})
	eventually(t, "it is forgotten", func() bool { return !known("latecomer") })
	if !known("orderStatus") {
		t.Error("what is there is forgotten")
	}
}
