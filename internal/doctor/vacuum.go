package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Whatever holds back vacuum here: long transactions of this database, forgotten two-phase ones, replication slots; and transactions
// that stand open idly, which keep their locks. The same as in subMsgHealth, for logins that may not read that, and
// no query is shown, it may hold anything.
const holdersSQL = `
SELECT backend_xmin IS NOT NULL OR backend_xid IS NOT NULL, format('pid %s (%s, %s, %s)', pid, coalesce(usename, '?'), coalesce(nullif(application_name, ''), 'no name'), coalesce(state, '?')),
    extract(epoch FROM clock_timestamp() - xact_start)::float8, format('SELECT pg_terminate_backend(%s)', pid)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
    AND backend_type = 'client backend' AND xact_start < clock_timestamp() - $1::interval
UNION ALL
SELECT true, format('the prepared transaction %L (%s)', gid, owner), extract(epoch FROM clock_timestamp() - prepared)::float8,
    format('COMMIT PREPARED %L or ROLLBACK PREPARED %1$L', gid)
FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - $1::interval
UNION ALL
SELECT true, format('the replication slot %I', slot_name), NULL, format('start its standby, or SELECT pg_drop_replication_slot(%L)', slot_name)
FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
ORDER BY 1 DESC, 3 DESC NULLS FIRST`

const mostNamed = 3

type holder struct {
	Holds   bool // back vacuum; otherwise nothing but its own locks
	Who     string
	Seconds *float64
	Remedy  string
}

// Xmin looks for what keeps vacuum from removing dead rows, which makes the queue slow.
func (d *Database) Xmin(ctx context.Context) (Finding, error) {
	long := d.long
	if long == 0 {
		long = time.Minute
	}
	rows, err := d.Conn.Query(ctx, holdersSQL, long)
	if err != nil {
		return Finding{}, err
	}
	holders, err := pgx.CollectRows(rows, pgx.RowToStructByPos[holder])
	if err != nil {
		return Finding{}, err
	}
	if len(holders) > 0 {
		return blame(holders), nil
	}
	var sees bool
	var login string
	err = d.Conn.QueryRow(ctx, `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), quote_ident(current_user)`).Scan(&sees, &login)
	if err == nil && !sees {
		f := NotNow("other users' transactions can't be seen")
		f.Remedy = "GRANT pg_read_all_stats TO " + login
		return f, nil
	}
	return Fine("nothing holds back vacuum for long"), err
}

func blame(holders []holder) Finding {
	var says, remedies []string
	for i, h := range holders[:min(len(holders), mostNamed)] {
		who := h.Who
		switch {
		case i > 0 && h.Holds == holders[i-1].Holds:
		case h.Holds:
			who = "vacuum is held back by " + who
		default:
			who = "locks that `submsg migrate up` would wait for are held by " + who
		}
		if h.Seconds != nil {
			who += " for " + (time.Duration(*h.Seconds) * time.Second).String()
		}
		says, remedies = append(says, who), append(remedies, h.Remedy)
	}
	f := Finding{Level: Warn, Says: strings.Join(says, ", "), Remedy: strings.Join(remedies, "; ")}
	if more := len(holders) - len(says); more > 0 {
		f.Says += fmt.Sprintf(" and %d more", more)
	}
	return f
}

const vacuumSQL = `
SELECT current_setting('autovacuum')::bool AND current_setting('track_counts')::bool,
    NOT EXISTS (SELECT FROM unnest(reloptions) AS o WHERE o IN ('autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0'))
FROM pg_class WHERE oid = 'subMsgList'::regclass`

// Autovacuum checks that there is one.
func (d *Database) Autovacuum(ctx context.Context) (Finding, error) {
	var server, table bool
	if err := d.Conn.QueryRow(ctx, vacuumSQL).Scan(&server, &table); err != nil {
		return Finding{}, err
	}
	return judgeVacuum(server, table), nil
}

func judgeVacuum(server, table bool) Finding {
	switch {
	case !server:
		return Finding{Level: Fail, Says: "it is off: dead rows pile up, and the queue gets slow", Remedy: "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()"}
	case !table:
		return Finding{Level: Fail, Says: "it is off for subMsgList: dead rows pile up, and the queue gets slow", Remedy: "ALTER TABLE subMsgList RESET (autovacuum_enabled)"}
	}
	return Fine("on")
}

const deadSQL = `
SELECT n_dead_tup, n_live_tup, coalesce(extract(epoch FROM clock_timestamp() - greatest(last_vacuum, last_autovacuum))::float8, -1)
FROM pg_stat_all_tables WHERE relid = 'subMsgList'::regclass`

// DeadRows looks at how many there are of subMsgList.
func (d *Database) DeadRows(ctx context.Context) (Finding, error) {
	var dead, live int64
	var vacuumed float64
	if err := d.Conn.QueryRow(ctx, deadSQL).Scan(&dead, &live, &vacuumed); err != nil {
		return Finding{}, err
	}
	return judgeDead(dead, live, vacuumed), nil
}

// judgeDead judges by numbers of rows, and the seconds since the last vacuum, below 0 for never.
func judgeDead(dead, live int64, vacuumed float64) Finding {
	when := "never vacuumed"
	if vacuumed >= 0 {
		when = fmt.Sprintf("vacuumed %s ago", time.Duration(vacuumed)*time.Second)
	}
	f := Fine("%d dead rows beside %d live ones, %s", dead, live, when)
	if dead > 50_000+live/5 { // autovacuum begins at 5,000 + 2 %
		f.Level, f.Remedy = Warn, "see what the check xmin says, then VACUUM subMsgList"
	}
	return f
}
