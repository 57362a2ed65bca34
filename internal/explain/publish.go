package explain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// publishSQL writes causes into the table. Both inserts take their rows in the order of their key, so that two
// processes which publish at once don't wait for each other. A row that says the same already isn't written.
const publishSQL = `
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        AS g (errCode, errKind, cause, nextStep, causeEnglish, nextStepEnglish)
    EXCEPT SELECT errCode, errKind, cause, nextStep, causeEnglish, nextStepEnglish FROM subMsgCause
), codes AS (
    INSERT INTO subMsgCause (errCode, errKind, cause, nextStep, causeEnglish, nextStepEnglish)
    SELECT * FROM given WHERE errCode IS NOT NULL ORDER BY errCode
    ON CONFLICT (errCode) DO UPDATE SET cause = excluded.cause, nextStep = excluded.nextStep,
        causeEnglish = excluded.causeEnglish, nextStepEnglish = excluded.nextStepEnglish
)
INSERT INTO subMsgCause (errCode, errKind, cause, nextStep, causeEnglish, nextStepEnglish)
SELECT * FROM given WHERE errKind IS NOT NULL ORDER BY errKind
ON CONFLICT (errKind) DO UPDATE SET cause = excluded.cause, nextStep = excluded.nextStep,
    causeEnglish = excluded.causeEnglish, nextStepEnglish = excluded.nextStepEnglish`

// Publish writes all causes into the table subMsgCause, where the views find them. It is called by `submsg migrate
// up` and whenever `submsg serve` starts, so that the words are those of the newest program that has started.
func Publish(ctx context.Context, db interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}) error {
	var codes []*int32
	var kinds []*Kind
	var columns [4][]string
	add := func(code *int32, kind *Kind, c Cause) {
		codes, kinds = append(codes, code), append(kinds, kind)
		for i, text := range []string{c.Why.ZH, c.NextStep.ZH, c.Why.EN, c.NextStep.EN} {
			columns[i] = append(columns[i], text)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(WeChat)) {
		add(&code, nil, WeChat[code])
	}
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		add(nil, &kind, Kinds[kind])
	}
	_, err := db.Exec(ctx, publishSQL, codes, kinds, columns[0], columns[1], columns[2], columns[3])
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "42501":
			return fmt.Errorf("publish the causes: run what `submsg roles` prints, "+
				"which lets the login write subMsgCause: %w", err)
		case "42P01", "42703":
			return fmt.Errorf("publish the causes: run `submsg migrate up`, "+
				"the database is older than this program: %w", err)
		}
	}
	if err != nil {
		return fmt.Errorf("publish the causes: %w", err)
	}
	return nil
}
