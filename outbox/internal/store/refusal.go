package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// LockNotAvailable is the SQLSTATE of a lock_timeout.
const LockNotAvailable = "55P03"

// SQLState is the SQLSTATE of an error, "" for one that isn't the server's.
func SQLState(err error) string {
	if pg := new(pgconn.PgError); errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// IsRefusal tells an error about what was to be written from one about the database's state, by SQLSTATE class
// (PostgreSQL, Appendix A). An administrator's trigger may raise a class of its own, so every class is a refusal that
// isn't listed here. This is the one list of the whole program (outbox.RefusesRow).
func IsRefusal(err error) bool {
	var pg *pgconn.PgError
	// FATAL and PANIC end the session, whatever they are about.
	if !errors.As(err, &pg) || len(pg.Code) != 5 || pg.SeverityUnlocalized != "ERROR" {
		return false
	}
	switch pg.Code[:2] {
	case "0A", // not supported: a cached plan whose table was changed
		"08", // connection
		"25", // transaction state: read-only after a demotion
		"26", // statement name: lost with its connection
		"28", // authorization
		"3D", // no such database
		"40", // rollback: deadlock, serialization
		"42", // names and rights: a column or a right is missing
		"53", // resources
		"57", // operator: shutdown, timeout
		"58": // system
		return false
	}
	return pg.Code != LockNotAvailable && pg.Code != "55000" && // an object's state
		pg.Code != "XX000" // internal: a full quota, a limit of the operating system
}

// WriteSplitting writes a list in one statement. Where the database refuses that, it writes each half by itself, and
// so on down to the single items, which it hands to refused: what can't be written then holds up nothing else.
func WriteSplitting[T any](list []T, write func([]T) error, refused func(T, error)) error {
	err := write(list)
	switch n := len(list); {
	case !IsRefusal(err):
		return err
	case n == 1:
		refused(list[0], err)
		return nil
	default:
		return errors.Join(WriteSplitting(list[:n/2], write, refused), WriteSplitting(list[n/2:], write, refused))
	}
}
