package store

import "context"

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
    SELECT $1::bigint, oid, 'subMsgList'::regclass::oid FROM pg_database WHERE datname = current_database()
    ON CONFLICT DO NOTHING
), told AS ( -- what could not be asked before
    UPDATE subMsgOrigin o SET systemIdentifier = $1 FROM pg_database d
    WHERE o.systemIdentifier IS NULL AND $1 IS NOT NULL AND d.datname = current_database() AND o.databaseOid = d.oid
      AND o.listOid = 'subMsgList'::regclass::oid
), paused AS (
    INSERT INTO subMsgPause AS p (templateId, reason, errKind, probeAt) SELECT '*', $2, $3, 'infinity' FROM moved
    ON CONFLICT (templateId) DO UPDATE
    SET reason = CASE p.errKind WHEN excluded.errKind THEN p.reason ELSE pg_catalog.concat_ws('; ', excluded.reason, p.reason) END,
        errCode = NULL, errKind = excluded.errKind, pausedAt = now(), probeAt = 'infinity', probes = 0
)
SELECT EXISTS (SELECT FROM moved)`

// NoteOrigin tells whether the messages have moved since a consumer last began on them, and pauses everything then,
// for the reason given.
func (s *Store) NoteOrigin(ctx context.Context, reason, kind string) (moved bool, err error) {
	var cluster *int64
	var maySee bool
	if err := s.Pool.QueryRow(ctx, maySeeClusterSQL).Scan(&maySee); err != nil {
		return false, err
	}
	if maySee {
		if err := s.Pool.QueryRow(ctx, clusterSQL).Scan(&cluster); err != nil {
			return false, err
		}
	}
	err = s.Pool.QueryRow(ctx, originSQL, cluster, reason, kind).Scan(&moved)
	return moved, err
}
