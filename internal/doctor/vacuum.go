package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// These hold back vacuum: long transactions of this database, forgotten two-phase ones, replication slots.
// Transactions that are open and idle keep their locks, so they are found, too. The view subMsgHealth finds the same;
// this is for logins that may not read it. No query is shown, because it may hold anything.
const holdersSQL = `
SELECT backend_xmin IS NOT NULL OR backend_xid IS NOT NULL AS holds,
    pg_catalog.format('pid %s (%s, %s, %s)', pid, coalesce(usename, '?'), coalesce(nullif(application_name, ''), 'no name'),
        coalesce(state, '?')) AS who,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
    pg_catalog.format('SELECT pg_terminate_backend(%s)', pid) AS remedy
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
    AND backend_type = 'client backend' AND xact_start < clock_timestamp() - $1::interval
UNION ALL
SELECT true, pg_catalog.format('the prepared transaction %L (%s)', gid, owner), extract(epoch FROM clock_timestamp() - prepared)::float8,
    pg_catalog.format('COMMIT PREPARED %L or ROLLBACK PREPARED %1$L', gid)
FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - $1::interval
UNION ALL
SELECT true, pg_catalog.format('the replication slot %I', slot_name), NULL,
    pg_catalog.format('start its standby, or SELECT pg_drop_replication_slot(%L)', slot_name)
FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
ORDER BY holds DESC, seconds DESC NULLS FIRST`

const mostNamed = 3

type holder struct {
	Holds   bool // it holds back vacuum; otherwise it only keeps its own locks
	Who     string
	Seconds *float64
	Remedy  string
}

const sightSQL = `
SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS all, pg_catalog.quote_ident(current_user) AS login`

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
	holders, err := pgx.CollectRows(rows, pgx.RowToStructByName[holder])
	if err != nil {
		return Finding{}, err
	}
	if len(holders) > 0 {
		return blame(holders), nil
	}
	sight, err := readOne[struct {
		All   bool
		Login string
	}](ctx, d.Conn, sightSQL)
	if err == nil && !sight.All {
		f := NotNow("other users' transactions can't be seen")
		f.Remedy = "GRANT pg_read_all_stats TO " + sight.Login
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
SELECT current_setting('autovacuum')::bool AND current_setting('track_counts')::bool AS server,
    NOT EXISTS (SELECT FROM pg_catalog.unnest(reloptions) AS o
        WHERE o IN ('autovacuum_enabled=false', 'autovacuum_enabled=off', 'autovacuum_enabled=0')) AS of_table
FROM pg_class WHERE oid = 'subMsgList'::regclass::oid`

// Autovacuum checks that it is on.
func (d *Database) Autovacuum(ctx context.Context) (Finding, error) {
	on, err := readOne[struct{ Server, OfTable bool }](ctx, d.Conn, vacuumSQL)
	if err != nil {
		return Finding{}, err
	}
	return judgeVacuum(on.Server, on.OfTable), nil
}

func judgeVacuum(server, table bool) Finding {
	switch {
	case !server:
		return Finding{Level: Fail, Says: "it is off: dead rows pile up, and the queue gets slow",
			Remedy: "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()"}
	case !table:
		return Finding{Level: Fail, Says: "it is off for subMsgList: dead rows pile up, and the queue gets slow",
			Remedy: "ALTER TABLE subMsgList RESET (autovacuum_enabled)"}
	}
	return Fine("on")
}

const deadSQL = `
SELECT n_dead_tup AS dead, n_live_tup AS live,
    coalesce(extract(epoch FROM clock_timestamp() - greatest(last_vacuum, last_autovacuum))::float8, -1) AS vacuumed
FROM pg_stat_all_tables WHERE relid = 'subMsgList'::regclass::oid`

// DeadRows looks at how many dead rows subMsgList has.
func (d *Database) DeadRows(ctx context.Context) (Finding, error) {
	rows, err := readOne[struct {
		Dead, Live int64
		Vacuumed   float64
	}](ctx, d.Conn, deadSQL)
	if err != nil {
		return Finding{}, err
	}
	return judgeDead(rows.Dead, rows.Live, rows.Vacuumed), nil
}

// judgeDead judges by the numbers of rows and the seconds since the last vacuum, which are below 0 for never.
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
