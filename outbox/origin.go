package outbox

import (
	"context"
	"fmt"
)

// A database that was restored from a backup, or copied for staging, still holds as waiting what was sent meanwhile.
// Before its first claim a consumer therefore compares where it is with where the messages lived last (subMsgOrigin).
// Where that differs it pauses everything, and a person looks. A copy that keeps all its identifiers can't be told
// from the original: that is a physical one, as after a failover or a recovery to a point in time.

const copyReason = `本数据库是副本，或由备份恢复：其中等待的消息可能已经发出，故全部暂停；` +
	`核对并取消不应再发的消息之后，执行 DELETE FROM subMsgPause WHERE templateId = '*' 恢复发送` +
	` (a copy, or restored from a backup: what waits here may have been sent since; ` +
	`call off what must not be sent again, then delete this pause)`

// checkOrigin makes sure that the messages are where they were when a consumer last began on them. It does so at the
// start, and after each trouble with the database.
func (d *dispatcher) checkOrigin(ctx context.Context) error {
	if d.origin {
		return nil
	}
	var moved bool
	err := d.during(ctx, func(ctx context.Context) (err error) {
		moved, err = d.store.NoteOrigin(ctx, copyReason, kindDatabaseCopy)
		return err
	})
	if err != nil {
		return fmt.Errorf("look whether this database is a copy: %w", err)
	}
	d.origin = true
	select {
	case d.originKnown <- struct{}{}:
	default: // it hasn't got to the last one yet
	}
	if moved {
		d.cfg.Log.Warn("this database is a copy, or restored from a backup: " +
			"what waits in it may have been sent since, so everything is paused. " +
			"Look at it (submsg list --status wait), call off what must not be sent again (submsg cancel), " +
			"then DELETE FROM subMsgPause WHERE templateId = '*'")
	}
	return nil
}
