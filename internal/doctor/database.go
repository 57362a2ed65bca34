package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Database is the server that submsg works on, as seen by the login that it works with.
type Database struct {
	Config *pgx.ConnConfig // of the pool
	Listen *pgx.ConnConfig // of the listening connection; nil: messages are found by polling only
	Conn   *pgx.Conn       // made by Connect

	long time.Duration // a transaction open for so long is too long; 0: 1 min
}

// least is the oldest PostgreSQL that submsg works with, as server_version_num.
const least = 140000

const whoSQL = `SELECT current_user AS login, current_database() AS database`

// Connect is the check that all other checks of the database need.
func (d *Database) Connect(ctx context.Context) (Finding, error) {
	conn, err := connect(ctx, d.Config)
	if err != nil {
		return Finding{Level: Fail, Says: err.Error(), Remedy: "mend DATABASE_URL, or what the server says no for"}, nil
	}
	d.Conn = conn
	who, err := readOne[struct{ Login, Database string }](ctx, conn, whoSQL)
	return Fine("%s at %s, database %s", who.Login, d.Config.Host, who.Database), err
}

// connect works also through a transaction pooler: whether there is one is for a check to find out.
func connect(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cfg = cfg.Copy()
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "submsg doctor"
	}
	return pgx.ConnectConfig(ctx, cfg)
}

// Close ends the connection, if there is one.
func (d *Database) Close() {
	if d.Conn != nil {
		_ = d.Conn.Close(context.Background()) // nothing depends on it any more
	}
}

// readOne reads one row by the names of its columns.
func readOne[T any](ctx context.Context, conn *pgx.Conn, sql string, args ...any) (row T, err error) {
	rows, _ := conn.Query(ctx, sql, args...) // its error comes from CollectExactlyOneRow
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
}

const versionSQL = `
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`

// Version checks that the server isn't too old.
func (d *Database) Version(ctx context.Context) (Finding, error) {
	server, err := readOne[struct {
		Number  int
		Version string
	}](ctx, d.Conn, versionSQL)
	if err == nil && server.Number < least {
		return Finding{Level: Fail, Says: "PostgreSQL " + server.Version,
			Remedy: "upgrade the server: 14 is the least"}, nil
	}
	return Fine("PostgreSQL %s", server.Version), err
}

const clockSQL = `SELECT clock_timestamp()`

// farOff is a difference of clocks that shows.
const farOff = 2 * time.Second

// Clocks compares the database's clock, which all times of a message are by, with this machine's.
func (d *Database) Clocks(ctx context.Context) (Finding, error) {
	var there time.Time
	before := time.Now()
	if err := d.Conn.QueryRow(ctx, clockSQL).Scan(&there); err != nil {
		return Finding{}, err
	}
	return compareClocks(before, time.Now(), there), nil
}

// compareClocks judges a time read elsewhere between two of here.
func compareClocks(before, after, there time.Time) Finding {
	off := time.Duration(0)
	switch {
	case there.Before(before):
		off = there.Sub(before)
	case there.After(after):
		off = there.Sub(after)
	}
	if off.Abs() < farOff {
		return Fine("the database's and this machine's agree")
	}
	word := "ahead of"
	if off < 0 {
		word = "behind"
	}
	return Finding{Level: Warn,
		Says:   fmt.Sprintf("the database's is %s %s this machine's", off.Abs().Round(100*time.Millisecond), word),
		Remedy: "let both machines keep time by NTP; sendAfter and expireTime go by the database's"}
}

// Commits checks that the server waits for the disk before it reports a commit.
func (d *Database) Commits(ctx context.Context) (Finding, error) {
	var mode string
	if err := d.Conn.QueryRow(ctx, `SELECT current_setting('synchronous_commit')`).Scan(&mode); err != nil {
		return Finding{}, err
	}
	if mode == "off" {
		return Finding{Level: Warn,
			Says: "synchronous_commit is off: when the server crashes it forgets the last moment, " +
				"and what was sent in it is sent again",
			Remedy: "ALTER ROLE … SET synchronous_commit = on, for submsg's login"}, nil
	}
	return Fine("synchronous_commit is %s", mode), nil
}
