package outbox

// The kinds of trouble that outbox itself finds, for Verdict.Kind and the column errKind. The words are those of
// package explain, which holds what a person is told about each. This package doesn't import explain, because it
// shall know Postgres only; a test compares the two.
const (
	kindParametersBroken  = "parameters-broken"  // parameterArr is no plain list of texts
	kindInternalError     = "internal-error"     // the Sender panicked
	kindTooLate           = "too-late"           // the message reached its sender too late to be sent within its lease
	kindCrashed           = "crashed"            // the process stopped in mid-send
	kindCrashedRepeatedly = "crashed-repeatedly" // it stopped at this message again and again
	kindExpired           = "expired"            // expireTime passed before the message was sent
	kindDatabaseCopy      = "database-copy"      // of a pause: the database is a copy of another one
)
