package ops_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/ops"
)

// A column that is added to subMsgList must be added to Message. Only dueAt is missing there, because it follows from
// sendAfter and createTime. Columns and fields are in the same order.
func TestMessageHasEveryColumn(t *testing.T) {
	d := newDB(t)
	var columns []string
	for _, c := range all[struct{ Name string }](d, `SELECT attname::text FROM pg_attribute
		WHERE attrelid = 'subMsgList'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`) {
		columns = append(columns, c.Name)
	}
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ops.Message]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, strings.ToLower(name))
	}
	columns = slices.DeleteFunc(columns, func(name string) bool { return name == "dueat" })
	if diff := cmp.Diff(columns, fields); diff != "" {
		t.Errorf("-subMsgList +ops.Message:\n%s", diff)
	}
}
