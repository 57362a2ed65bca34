package templates

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/templates"
)

func TestCompare(t *testing.T) {
	key := func(key string, values ...string) templates.ListedKey {
		return templates.ListedKey{Key: key, Label: "标签", Values: values}
	}
	field := func(key, value string, values ...string) templates.Field {
		return templates.Field{Key: key, Value: value, Values: values}
	}
	many := []string{"1", "2", "3", "4", "5", "6"}
	for _, tt := range []struct {
		name  string
		here  []templates.Field
		there []templates.ListedKey
		want  []Difference
	}{
		{"the same", []templates.Field{field("thing1", "{a}")}, []templates.ListedKey{key("thing1")}, nil},
		{"in another order", []templates.Field{field("thing2", "{a}"), field("thing1", "{b}")}, []templates.ListedKey{key("thing1"), key("thing2")}, nil},
		{"a key is missing", []templates.Field{field("thing1", "{a}")},
			[]templates.ListedKey{key("thing1"), key("amount2")},
			[]Difference{{"t", "amount2", "missing in the file: 标签", true}}},
		{"a key too many", []templates.Field{field("thing1", "{a}"), field("thing2", "{b}")},
			[]templates.ListedKey{key("thing1")},
			[]Difference{{"t", "thing2", "WeChat has no such key, users don't see it", false}}},
		{"another type", []templates.Field{field("thing12", "{a}")}, []templates.ListedKey{key("amount12")},
			[]Difference{{"t", "amount12", "the file has thing12", true}}},
		{"the page's word for an enum", []templates.Field{field("enum2", "{a}")},
			[]templates.ListedKey{key("enum_string2", "a")},
			[]Difference{{"t", "enum_string2", "the file has enum2", true}}},
		{"a value that WeChat lacks", []templates.Field{field("enum_string1", "{a}", "甲", "乙")},
			[]templates.ListedKey{key("enum_string1", "乙")},
			[]Difference{{"t", "enum_string1", "WeChat does not take 甲", true}}},
		{"a value that the file lacks", []templates.Field{field("enum_string1", "{a}", "甲")},
			[]templates.ListedKey{key("enum_string1", "甲", "乙")},
			[]Difference{{"t", "enum_string1", "not listed in the file: 乙", false}}},
		{"no values in the file", []templates.Field{field("enum_string1", "{a}")},
			[]templates.ListedKey{key("enum_string1", many...)},
			[]Difference{{"t", "enum_string1", "not listed in the file: 1, 2, 3, 4, 5, … (6)", false}}},
		{"no values at WeChat", []templates.Field{field("enum_string1", "{a}", "甲")}, []templates.ListedKey{key("enum_string1")}, nil},
		{"a fixed value", []templates.Field{field("enum_string1", "甲")}, []templates.ListedKey{key("enum_string1", "甲", "乙")}, nil},
		{"a fixed value that WeChat lacks", []templates.Field{field("enum_string1", "丙")},
			[]templates.ListedKey{key("enum_string1", "甲", "乙")},
			[]Difference{{"t", "enum_string1", "WeChat does not take 丙", true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			local := []*templates.Template{{ID: "i", Name: "t", Fields: tt.here}}
			got := Compare(local, []templates.Listed{{ID: "i", Title: "t", Keys: tt.there}})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
