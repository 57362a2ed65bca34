package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/submsg/submsg/outbox"
)

func TestInsert(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	at := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	ids := d.insert(
		outbox.Message{OpenID: "o1", TemplateID: "t", Params: []string{"a,b", `"`, `\`, "{}", "", "NULL", "中\n😀"}},
		outbox.Message{OpenID: "o2", TemplateID: "t", SendAfter: at, ExpireTime: at.Add(time.Hour),
			Page: "p?x=1", DedupKey: "k1"},
		outbox.Message{OpenID: "o3", TemplateID: "t", DedupKey: "k1"}, // in this very call already
		outbox.Message{OpenID: "o4", TemplateID: "t"})
	if len(ids) != 4 || ids[0] == 0 || ids[1] == 0 || ids[2] != 0 || ids[3] == 0 {
		t.Fatalf("ids %v", ids)
	}
	again := d.insert(
		outbox.Message{OpenID: "o5", TemplateID: "t", DedupKey: "k1"},
		outbox.Message{OpenID: "o6", TemplateID: "t"})
	if again[0] != 0 || again[1] == 0 {
		t.Errorf("second insert: ids %v", again)
	}
	type row struct {
		Params     []string
		SendAfter  time.Time
		ExpireTime *time.Time
		Page, Key  *string
		Due        bool
	}
	read := func(id int64) (r row) {
		err := d.QueryRow(t.Context(), `SELECT parameterArr, sendAfter, expireTime, page, dedupKey, sendAfter <= now()
			FROM subMsgList WHERE id = $1`, id).
			Scan(&r.Params, &r.SendAfter, &r.ExpireTime, &r.Page, &r.Key, &r.Due)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := read(ids[0]); !cmp.Equal(r.Params, []string{"a,b", `"`, `\`, "{}", "", "NULL", "中\n😀"}) || !r.Due ||
		r.ExpireTime != nil || r.Page != nil || r.Key != nil {
		t.Errorf("first: %+v", r)
	}
	if r := read(ids[1]); !r.SendAfter.Equal(at) || !r.ExpireTime.Equal(at.Add(time.Hour)) ||
		*r.Page != "p?x=1" || *r.Key != "k1" || r.Due {
		t.Errorf("second: %+v", r)
	}
}

// The caller's messages stay as they are: it may insert them again, or compare them.
func TestInsertLeavesItsArguments(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	messages := []outbox.Message{{OpenID: "o1", TemplateID: "t"}, message(2)}
	before := slices.Clone(messages)
	d.insert(messages...)
	if diff := cmp.Diff(before, messages); diff != "" { // which tells nil from empty
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestInsertIsTheApplicationsTransaction(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	stop := errors.New("the order fails")
	err := pgx.BeginFunc(t.Context(), d.Pool, func(tx pgx.Tx) error {
		if _, err := outbox.Insert(t.Context(), tx, message(1)); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) || one[int](d, `SELECT count(*) FROM subMsgList`) != 0 {
		t.Errorf("%v, and a message without its transaction", err)
	}
}

func TestInsertRefused(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	err := pgx.BeginFunc(t.Context(), d.Pool, func(tx pgx.Tx) error {
		_, err := outbox.Insert(t.Context(), tx, outbox.Message{OpenID: "a b", TemplateID: "t"})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "openid_is_1_to_64_ascii_characters_without_white_space") {
		t.Errorf("error %v, want the rule that is broken", err)
	}
}

// Whatever text goes in comes out, in order; keys that repeat have id 0.
func TestInsertProperty(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 && r != 0xFFFD }))
		messages := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) outbox.Message {
			return outbox.Message{
				OpenID: rapid.StringMatching(`[!-~]{1,64}`).Draw(rt, "openid"), TemplateID: "t",
				Params:   rapid.SliceOfN(value, 0, 4).Draw(rt, "params"),
				DedupKey: rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(rt, "key"),
			}
		}), 0, 6).Draw(rt, "messages")
		tx, err := d.Begin(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		defer tx.Rollback(context.Background())
		ids, err := outbox.Insert(context.Background(), tx, messages...)
		if err != nil {
			rt.Fatal(err)
		}
		seen := map[string]bool{"": false}
		for i, m := range messages {
			if (ids[i] == 0) != seen[m.DedupKey] {
				rt.Fatalf("message %d, key %q: id %d", i, m.DedupKey, ids[i])
			}
			seen[m.DedupKey] = m.DedupKey != ""
			if ids[i] == 0 {
				continue
			}
			var openid string
			var params []string
			if err := tx.QueryRow(context.Background(), `SELECT openid, parameterArr
				FROM subMsgList WHERE id = $1`, ids[i]).Scan(&openid, &params); err != nil {
				rt.Fatal(err)
			}
			if openid != m.OpenID || !cmp.Equal(params, m.Params) && len(params)+len(m.Params) > 0 {
				rt.Fatalf("%q %q came out as %q %q", m.OpenID, m.Params, openid, params)
			}
		}
	})
}
