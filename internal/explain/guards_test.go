package explain_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

const sendingSQL = `
INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
VALUES ('o', 't', 'sending', gen_random_uuid(), '2099-01-02 03:04:05Z')`

// The guard refuses in the words of this package: Chinese in the message, English in the detail, both in the hint.
func TestGuardSaysTheSame(t *testing.T) {
	conn := pgtest.Connect(t, pgtest.DB(t))
	exec(t, conn, `SET TIME ZONE 'UTC'`)
	exec(t, conn, sendingSQL)
	exec(t, conn, `INSERT INTO subMsgList (openid, templateId, sendStatus, expireTime) VALUES ('o', 't', 'success', '2020-01-02Z')`)
	for _, tt := range []struct {
		name, sql string
		refusal   explain.Refusal
		args      []any
	}{
		{"being sent", `UPDATE subMsgList SET sendStatus = 'cancel' WHERE id = 1`,
			explain.BeingSent, []any{1, "2099-01-02 03:04:05+00"}},
		{"no such change", `UPDATE subMsgList SET sendStatus = 'fail' WHERE id = 2`,
			explain.NotByHand, []any{2, "success", "fail"}},
		{"past its expireTime", `UPDATE subMsgList SET sendStatus = 'wait' WHERE id = 2`,
			explain.PastExpireTime, []any{2, "2020-01-02 00:00:00+00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := conn.Exec(t.Context(), tt.sql)
			var got *pgconn.PgError
			if !errors.As(err, &got) {
				t.Fatalf("it is not refused: %v", err)
			}
			says, advice := tt.refusal.Says, tt.refusal.Advice
			for _, c := range []struct{ what, got, want string }{
				{"message", got.Message, says.In(explain.Chinese, tt.args...)},
				{"detail", got.Detail, says.In(explain.English, tt.args...)},
				{"hint", got.Hint, advice.ZH + "(" + advice.EN + ")"},
			} {
				if c.got != c.want {
					t.Errorf("the %s is\n%s\nwant\n%s", c.what, c.got, c.want)
				}
			}
		})
	}
}

// Each status is one that the table takes, and there is no other.
func TestStatusesAreThoseOfTheTable(t *testing.T) {
	conn := pgtest.Connect(t, pgtest.DB(t))
	var check string
	if err := conn.QueryRow(t.Context(), `SELECT pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conname = 'sendstatus_is_wait_sending_success_fail_unknown_cancel_expired'`).Scan(&check); err != nil {
		t.Fatal(err)
	}
	list := ""
	for _, s := range explain.Statuses {
		list += "," + s.Name
	}
	if want := "CHECK ((sendstatus = ANY ('{" + list[1:] + "}'::text[])))"; check != want {
		t.Errorf("%s, want %s", check, want)
	}
}

// The READMEs print the statuses in these words.
func TestReadmesSayTheSame(t *testing.T) {
	for file, tongue := range map[string]explain.Tongue{
		"README.md": explain.English, "README.zh-CN.md": explain.Chinese,
	} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range explain.Statuses {
			line := fmt.Sprintf("\n| `%s` | %s | %s |\n", s.Name, s.Means.In(tongue), s.MovesOn.In(tongue))
			if !strings.Contains(string(text), line) {
				t.Errorf("%s hasn't the line%s", file, line)
			}
		}
	}
}

// A time without end is never, one before now is past.
func TestMoment(t *testing.T) {
	now := time.Date(2026, 7, 26, 3, 0, 0, 0, time.Local)
	for at, want := range map[time.Time]string{
		now.Add(2 * time.Hour):                      "2026-07-26 05:00:00 (in 2h0m)",
		now.Add(-2 * time.Hour):                     "2026-07-26 01:00:00 (2h0m ago)",
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC): "never",
	} {
		if got := explain.Moment(at, now, explain.English); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
