package e2e

import (
	"strings"
	"testing"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// submsg beside a shop's tables, in a schema of its own, as a login without superuser: a rule notifies of the shop's
// own orders, messages go out, every command finds its tables, and nothing of submsg comes into the shop's schema.
func TestInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	before := w.publicTables()
	serve := w.serve()
	says := func(words string, args ...string) {
		t.Helper()
		if code, out, errs := w.run(args...); code != command.ExitOK || !strings.Contains(out, words) {
			t.Errorf("submsg %q: exit code %d without %q\n%s%s", args, code, words, out, errs)
		}
	}
	psql(t, w.db, "UPDATE orders SET buyer = '"+person(1)+"';\n"+insertFor(2))
	w.await(person(2), "success")
	says("the user in buyer gets orderStatus", "rules", "add", "orders", "--template=orderStatus", "--openid=buyer",
		"--flag=notify", "--name=paid", "--param=orderNo", "--param=total", "--param=state", "--param==谢谢")
	says("messages: 1", "rules", "test", "orders")
	psql(t, w.db, "UPDATE orders SET state = '已付款', notify = true;\n")
	w.await(person(1), "success")
	says("paid", "rules", "list")
	says("nothing was missed", "rules", "replay")
	says("success", "send", person(3), "orderStatus", "拿铁", "19.9", "已发货", "谢谢")
	says("1 listening", "status")
	says("orderStatus", "list", "--status=success")
	says("WeChat accepted it", "show", "1")
	says("messages set to wait: 1", "retry", "--id=1", "--yes")
	says("schema version", "migrate", "status")
	says("schema version", "migrate", "up")
	if _, out, _ := w.run("doctor", "--skip=account", "--skip=autovacuum"); strings.Contains(out, "\nfail ") {
		t.Errorf("submsg doctor says\n%s", out)
	}
	if after := w.publicTables(); after != before {
		t.Errorf("in the shop's schema there was %s, there is %s", before, after)
	}
	serve.finish()
	w.exactlyOnce(1) // one was sent again
}

func (w *world) publicTables() string {
	w.t.Helper()
	return w.text(`SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class WHERE relnamespace = 'public'::regnamespace`)
}

// serve makes everything in a schema that isn't there yet, the example too, which is never in the way of a shop's
// table.
func TestServeMigratesIntoASchema(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	w := newWorldOf(t, &world{db: db + "&options=-csearch_path%3Dbox",
		where: []string{"DATABASE_URL=" + db, "SUBMSG_SCHEMA=box"}}, "--grant-all")
	p := w.serve("SUBMSG_MIGRATE=true", "SUBMSG_ORDERS=true")
	psql(t, w.db, insertFor(1)+"INSERT INTO orders (openid, name, cardNumber, payMoney, balance, remark) VALUES ('"+
		person(2)+"', '张三', 'VIP1', 1, 2, '谢谢');\nUPDATE orders SET isSendMsg = true;\n")
	w.await(person(1), "success")
	w.await(person(2), "success")
	if got := w.publicTables(); got != "" {
		t.Errorf("in public there is %s", got)
	}
	p.finish()
	w.exactlyOnce(0)
}

// A shop's own orders stay as they are, and that is said.
func TestOrdersOfAShop(t *testing.T) {
	t.Parallel()
	db := pgtest.DBWithoutOrders(t)
	psql(t, db, "CREATE TABLE orders (id int);\nINSERT INTO orders VALUES (7);\n")
	p := start(t, []string{"DATABASE_URL=" + db}, "migrate", "up", "--orders")
	if code := p.exit(); code != command.ExitFailed || !strings.Contains(p.err.String(), "there is a table orders") {
		t.Errorf("exit code %d: %s", code, p.err.String())
	}
	if got := psql(t, db, "SELECT * FROM orders;\n"); got != "7\n" {
		t.Errorf("the shop's orders are %q", got)
	}
}
