package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// A lock on the whole table for a moment is no trouble.
func TestTableLocked(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Poll = 20 * time.Millisecond
	said := recordLog(cfg.Log.Logger)
	c, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	runConsumer(t, c)
	eventually(t, "listening", c.Listening)
	lock := func() func() {
		tx, err := d.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId) VALUES ('o', 't')`); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `LOCK subMsgList IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := tx.Commit(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('before', 't')`)
	d.eventually(1, "success")
	lock()()
	eventually(t, "the second is sent", func() bool { return d.count(`sendStatus = 'success'`) == 2 })
	if said("locked") || said("trouble") || c.Trouble() != "" {
		t.Error("a lock of a moment is called trouble")
	}
}
