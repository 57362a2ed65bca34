package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	hearWithin = 5 * time.Second
	listenSQL  = `LISTEN submsg_doctor`
	notifySQL  = `SELECT pg_notify('submsg_doctor', $1)`
)

const listenDirectly = "set SUBMSG_LISTEN_URL to a direct connection to the same database, or to off: " +
	"then a message may wait 2 s"

// Wake sends a NOTIFY on a connection like those of the pool, and waits for it on the listening connection.
func (d *Database) Wake(ctx context.Context) (Finding, error) {
	if d.Listen == nil {
		return Fine("not asked for, SUBMSG_LISTEN_URL is off: a message may wait 2 s"), nil
	}
	listener, err := connect(ctx, d.Listen)
	if err != nil {
		return Finding{Level: Fail, Says: "the listening connection: " + err.Error(), Remedy: listenDirectly}, nil
	}
	defer listener.Close(context.WithoutCancel(ctx))
	if _, err := listener.Exec(ctx, listenSQL); err != nil {
		return Finding{}, err
	}
	word := rand.Text() // because others may be examining at the same time
	if _, err := d.Conn.Exec(ctx, notifySQL, word); err != nil {
		return Finding{}, err
	}
	waitCtx, cancel := context.WithTimeout(ctx, hearWithin)
	defer cancel()
	for {
		heard, err := listener.WaitForNotification(waitCtx)
		switch {
		case pgconn.Timeout(err) && ctx.Err() == nil:
			return Finding{Level: Fail,
				Says: fmt.Sprintf("no NOTIFY arrives on the listening connection within %s: "+
					"it is a transaction pooler, or another database", hearWithin),
				Remedy: listenDirectly}, nil
		case err != nil:
			return Finding{}, err
		case heard.Payload == word:
			return Fine("a NOTIFY arrives on the listening connection"), nil
		}
	}
}

// The triggers and submsg stop notifying where the queue is half full.
const fullQueue, fillingQueue = 0.5, 0.1

// Notifications looks at the server's queue of notifications, which one session that doesn't read can fill for all.
func (d *Database) Notifications(ctx context.Context) (Finding, error) {
	var usage float64
	if err := d.Conn.QueryRow(ctx, `SELECT pg_notification_queue_usage()`).Scan(&usage); err != nil {
		return Finding{}, err
	}
	return judgeQueue(usage), nil
}

func judgeQueue(usage float64) Finding {
	f := Finding{Level: OK, Says: fmt.Sprintf("the server's queue is %.0f %% full", 100*usage)}
	if usage >= fillingQueue {
		f.Level = Warn
		f.Remedy = "end the session that listens and has been in a transaction for long: the server's log names its pid"
	}
	if usage >= fullQueue {
		f.Level, f.Says = Fail, f.Says+", and submsg no longer notifies"
	}
	return f
}

const pidSQL = `SELECT pg_backend_pid()`

// Pooler finds out whether the connections of DATABASE_URL share sessions.
func (d *Database) Pooler(ctx context.Context) (Finding, error) {
	var first, other uint32
	if err := d.Conn.QueryRow(ctx, pidSQL).Scan(&first); err != nil {
		return Finding{}, err
	}
	second, err := connect(ctx, d.Config)
	if err != nil {
		return Finding{}, fmt.Errorf("a second connection: %w", err)
	}
	defer second.Close(context.WithoutCancel(ctx))
	tx, err := second.Begin(ctx) // a transaction keeps its session
	if err != nil {
		return Finding{}, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was done
	if err := tx.QueryRow(ctx, pidSQL).Scan(&other); err != nil {
		return Finding{}, err
	}
	shared := first == other
	for range 5 {
		var again uint32
		if err := d.Conn.QueryRow(ctx, pidSQL).Scan(&again); err != nil {
			return Finding{}, err
		}
		shared = shared || again != first
	}
	return judgePooler(d.Conn.PgConn().PID() == first, shared, d.Config.DefaultQueryExecMode), nil
}

// judgePooler judges by two facts: whether the server's pid is the one that the protocol gave at the start, and whether
// two connections got the same session.
func judgePooler(direct, shared bool, mode pgx.QueryExecMode) Finding {
	switch {
	case shared && (mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeDescribeExec):
		return Finding{Level: Fail, Says: "a transaction pooler is in the way, and prepared statements get lost in it",
			Remedy: "add default_query_exec_mode=cache_describe to DATABASE_URL's parameters"}
	case shared:
		return Fine("a transaction pooler, and DATABASE_URL is set for it")
	case direct:
		return Fine("none, the connection is direct")
	}
	return Fine("a pooler that keeps a session for each connection")
}
