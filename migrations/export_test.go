package migrations

import (
	"context"
	"io/fs"
)

const LockTimeoutSQL = lockTimeoutSQL

var HeldUp = heldUp

// With is a Migrator of a submsg that has these files.
func (mr Migrator) With(files fs.FS) Migrator {
	mr.files = build{files}
	return mr
}

// CheckWith is Check for a submsg that has these files.
func CheckWith(ctx context.Context, conn querier, files fs.FS) error {
	s, err := StateOf(ctx, conn)
	if err != nil {
		return err
	}
	return s.check(build{files}.latest())
}

// Made is the names that the objects of this submsg make: "function", "view" or "trigger".
func Made(kind string) ([]string, error) {
	files, err := this.objects()
	return made(kind, files), err
}
