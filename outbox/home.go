package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A database restored from a backup, or copied for staging, holds as waiting what was sent since. Before its first claim a
// consumer compares where it is with where the messages lived last; where that differs it pauses everything, and a person
// looks. What keeps its identifiers can't be told: a physical copy, as in a failover or a recovery to a point in time.

// The function is PUBLIC's, and managed databases may have taken it from that. Asked apart: a statement that names it needs the
// right to it, whether it gets there or not.
const maySeeClusterSQL = `SELECT coalesce(has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE'), false)`

const clusterSQL = `SELECT system_identifier FROM pg_catalog.pg_control_system()`

// $1 is the cluster, NULL for unknown, which differs from nothing. Of replicas that start together one moves the row, and the others
// wait for its commit, and see the pause. A pause that stood there before becomes this one, because a probe could lift it.
const homeSQL = `
WITH moved AS (
    UPDATE subMsgHome h SET systemIdentifier = $1, databaseOid = d.oid, listOid = 'subMsgList'::regclass, since = clock_timestamp()
    FROM pg_database d
    WHERE d.datname = current_database()
      AND (h.systemIdentifier <> $1 OR h.databaseOid <> d.oid OR h.listOid <> 'subMsgList'::regclass)
    RETURNING 1
), first AS (
    INSERT INTO subMsgHome (systemIdentifier, databaseOid, listOid)
    SELECT $1::bigint, oid, 'subMsgList'::regclass FROM pg_database WHERE datname = current_database()
    ON CONFLICT DO NOTHING
), told AS ( -- what could not be asked before
    UPDATE subMsgHome h SET systemIdentifier = $1 FROM pg_database d
    WHERE h.systemIdentifier IS NULL AND $1 IS NOT NULL AND d.datname = current_database() AND h.databaseOid = d.oid AND h.listOid = 'subMsgList'::regclass
), paused AS (
    INSERT INTO subMsgPause AS p (templateId, reason, probeAt) SELECT '*', $2, 'infinity' FROM moved
    ON CONFLICT (templateId) DO UPDATE
    SET reason = excluded.reason || CASE WHEN starts_with(p.reason, excluded.reason) THEN substr(p.reason, length(excluded.reason) + 1) ELSE '; ' || p.reason END,
        errCode = NULL, pausedAt = now(), probeAt = 'infinity', probes = 0
)
SELECT EXISTS (SELECT FROM moved)`

const copyReason = `本数据库是副本，或由备份恢复：其中等待的消息可能已经发出，故全部暂停；核对并取消不应再发的消息之后，执行 DELETE FROM subMsgPause WHERE templateId = '*' 恢复发送` +
	` (a copy, or restored from a backup: what waits here may have been sent since; call off what must not be sent again, then delete this pause)`

// arrive makes sure, at the start and after each trouble with the database, that the messages are where they were when a consumer
// began on them last.
func (r *round) arrive(ctx context.Context) error {
	if r.arrived.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	moved, err := r.moved(ctx)
	if err != nil {
		return fmt.Errorf("look whether this database is a copy: %w", err)
	}
	r.arrived.Store(true)
	if moved {
		r.cfg.Log.Warn("this database is a copy, or restored from a backup: what waits in it may have been sent since, so everything is paused. " +
			"Look at it (submsg list --status wait), call off what must not be sent again (submsg cancel), then DELETE FROM subMsgPause WHERE templateId = '*'")
	}
	return nil
}

func (r *round) moved(ctx context.Context) (moved bool, err error) {
	var cluster *int64
	var maySee bool
	if err := r.cfg.Pool.QueryRow(ctx, maySeeClusterSQL).Scan(&maySee); err != nil {
		return false, err
	}
	if maySee {
		if err := r.cfg.Pool.QueryRow(ctx, clusterSQL).Scan(&cluster); err != nil {
			return false, err
		}
	}
	err = r.cfg.Pool.QueryRow(ctx, homeSQL, cluster, copyReason).Scan(&moved)
	return moved, err
}

const stoppedSQL = `SELECT reason FROM subMsgPause WHERE templateId = '*' AND probeAt = 'infinity'`

// Stopped tells why nothing at all is sent until a person deletes the pause of everything; "" if there is no such pause. What
// WeChat has stopped isn't meant, as that is tried now and then.
func Stopped(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (why string, err error) {
	err = db.QueryRow(ctx, stoppedSQL).Scan(&why)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return why, err
}
