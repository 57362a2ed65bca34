package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A database that was restored from a backup, or copied for staging, still holds as waiting what was sent meanwhile.
// Before its first claim a consumer therefore compares where it is with where the messages lived last (subMsgOrigin).
// Where that differs it pauses everything, and a person looks. A copy that keeps all its identifiers can't be told
// from the original: that is a physical one, as after a failover or a recovery to a point in time.

// maySeeClusterSQL asks whether this login may call pg_control_system: everybody may, but a managed database may have
// taken that away. It is a statement of its own, because a statement that names the function needs the right whether
// it calls it or not.
const maySeeClusterSQL = `
SELECT coalesce(pg_catalog.has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE'), false)`

const clusterSQL = `SELECT system_identifier FROM pg_catalog.pg_control_system()`

// originSQL notes where the messages live now, and pauses everything where that is another place. $1 is the cluster, or
// NULL where it is unknown: that is taken as equal to any. Of replicas that start together one moves the row; the
// others wait for its commit, and see the pause. A pause of everything that stood there before becomes this one,
// because a probe could lift it.
const originSQL = `
WITH moved AS (
    UPDATE subMsgOrigin o SET systemIdentifier = $1, databaseOid = d.oid, listOid = 'subMsgList'::regclass::oid, since = clock_timestamp()
    FROM pg_database d
    WHERE d.datname = current_database()
      AND (o.systemIdentifier <> $1 OR o.databaseOid <> d.oid OR o.listOid <> 'subMsgList'::regclass::oid)
    RETURNING 1
), first AS (
    INSERT INTO subMsgOrigin (systemIdentifier, databaseOid, listOid)
    SELECT $1::bigint, oid, 'subMsgList'::regclass FROM pg_database WHERE datname = current_database()
    ON CONFLICT DO NOTHING
), told AS ( -- what could not be asked before
    UPDATE subMsgOrigin o SET systemIdentifier = $1 FROM pg_database d
    WHERE o.systemIdentifier IS NULL AND $1 IS NOT NULL AND d.datname = current_database() AND o.databaseOid = d.oid
      AND o.listOid = 'subMsgList'::regclass::oid
), paused AS (
    INSERT INTO subMsgPause AS p (templateId, reason, errKind, probeAt) SELECT '*', $2, '` + kindDatabaseCopy + `', 'infinity' FROM moved
    ON CONFLICT (templateId) DO UPDATE
    SET reason = CASE p.errKind WHEN excluded.errKind THEN p.reason ELSE pg_catalog.concat_ws('; ', excluded.reason, p.reason) END,
        errCode = NULL, errKind = excluded.errKind, pausedAt = now(), probeAt = 'infinity', probes = 0
)
SELECT EXISTS (SELECT FROM moved)`

const copyReason = `本数据库是副本，或由备份恢复：其中等待的消息可能已经发出，故全部暂停；` +
	`核对并取消不应再发的消息之后，执行 DELETE FROM subMsgPause WHERE templateId = '*' 恢复发送` +
	` (a copy, or restored from a backup: what waits here may have been sent since; ` +
	`call off what must not be sent again, then delete this pause)`

// checkOrigin makes sure that the messages are where they were when a consumer last began on them. It does so at the
// start, and after each trouble with the database.
func (c *claimer) checkOrigin(ctx context.Context) error {
	if c.originChecked.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	moved, err := noteOrigin(ctx, c.cfg.Pool)
	if err != nil {
		return fmt.Errorf("look whether this database is a copy: %w", err)
	}
	c.originChecked.Store(true)
	if moved {
		c.cfg.Log.Warn("this database is a copy, or restored from a backup: " +
			"what waits in it may have been sent since, so everything is paused. " +
			"Look at it (submsg list --status wait), call off what must not be sent again (submsg cancel), " +
			"then DELETE FROM subMsgPause WHERE templateId = '*'")
	}
	return nil
}

// noteOrigin tells whether the messages have moved since a consumer last began on them.
func noteOrigin(ctx context.Context, pool *pgxpool.Pool) (moved bool, err error) {
	var cluster *int64
	var maySee bool
	if err := pool.QueryRow(ctx, maySeeClusterSQL).Scan(&maySee); err != nil {
		return false, err
	}
	if maySee {
		if err := pool.QueryRow(ctx, clusterSQL).Scan(&cluster); err != nil {
			return false, err
		}
	}
	err = pool.QueryRow(ctx, originSQL, cluster, copyReason).Scan(&moved)
	return moved, err
}
