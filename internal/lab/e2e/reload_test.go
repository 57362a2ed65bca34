package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const latecomer = `id: latecomer-id
name: latecomer
params: [what]
data:
  thing1: "{what}"
`

// rename puts a file into the folder in one step, as a careful deployment does.
func rename(t *testing.T, dir, name, content string) {
	t.Helper()
	aside := filepath.Join(dir, "."+name+".new")
	err := os.WriteFile(aside, []byte(content), 0o600)
	if err == nil {
		err = os.Rename(aside, filepath.Join(dir, name))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTemplatesReload(t *testing.T) {
	t.Parallel()
	status := shippedTemplate(t, "orderStatus.yaml")
	dir := writeTemplates(t, map[string]string{"orderStatus.yaml": status})
	fakes := writeTemplates(t, map[string]string{"orderStatus.yaml": status, "latecomer.yaml": latecomer})
	w := newWorld(t, "--grant-all", "--templates="+fakes)
	p := w.serve("SUBMSG_TEMPLATES=" + dir)
	insert := "INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('" + person(1) +
		"', 'latecomer', '{hello}');"
	psql(t, w.db, insert)
	w.await(person(1), "fail") // nobody knows it yet

	rename(t, dir, "latecomer.yaml", latecomer)
	p.says(`msg="accounts and templates reloaded" accounts=1 templates=2`)
	eventually(t, "rules may use it", func() bool { return w.number(`SELECT count(*) FROM subMsgTemplate WHERE name = 'latecomer'`) == 1 })
	psql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait';")
	w.await(person(1), "success")

	rename(t, dir, "latecomer.yaml", strings.Replace(latecomer, "thing1", "thong1", 1))
	p.says(`a file has a mistake, the accounts and templates before stay in use: templates in \S+: latecomer.yaml:5: .*thong1`)
	// A message that is due later than two more looks at the folder: the old templates stay, and nothing is said again.
	psql(t, w.db, insertFor(2)+"INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter) VALUES ('"+
		person(3)+"', 'latecomer', '{again}', now() + interval '4.5 seconds');\n")
	w.await(person(2), "success")
	w.await(person(3), "success")
	if n := p.count("a file has a mistake"); n != 1 {
		t.Errorf("the mistake was said %d times", n)
	}

	rename(t, dir, "latecomer.yaml", strings.Replace(latecomer, "{what}", "好的{what}", 1))
	eventually(t, "mended", func() bool { return p.count("templates reloaded") == 2 })
	psql(t, w.db, strings.Replace(insert, person(1), person(4), 1))
	w.await(person(4), "success")
	if sent := w.wantSent(person(4), 1); len(sent) == 1 && sent[0].Data["thing1"] != "好的hello" {
		t.Errorf("sent %v", sent[0].Data)
	}
	remove(t, dir, "latecomer.yaml")
	p.says(`msg="accounts and templates reloaded" accounts=1 templates=1`)
	psql(t, w.db, strings.Replace(insert, person(1), person(5), 1))
	w.await(person(5), "fail")
	w.exactlyOnce(0)
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
