package fakewechat

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/submsg/submsg/templates"
)

// values are the template's values in its order. The first that fails is named; keys that the
// template does not have are ignored. Data that is a string or an array has no key at all.
func values(data object, fields []templates.Field) ([]string, *refusal) {
	vs := make([]string, len(fields))
	for i, f := range fields {
		vs[i] = value(parseObject(data[f.Key]))
		if vs[i] == "" {
			return nil, argument(f.Key, "is empty")
		}
		if !valid(f.Type.String(), f.Values, vs[i]) {
			return nil, argument(f.Key, "invalid")
		}
	}
	return vs, nil
}

// value is what WeChat reads from one item: "" if the item is missing or no object, or if its value
// is neither string nor number.
func value(item object) string {
	raw := item["value"]
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '"':
		var s string
		json.Unmarshal(raw, &s) // a valid string; bytes of another encoding become U+FFFD, which no type takes
		return s
	case raw[0] == '-' || digit(rune(raw[0])):
		return numeral(string(raw))
	}
	return ""
}

// numeral writes a JSON number as WeChat does: a fraction goes through a double and comes out with
// a tail of digits, 0.65 as 0.65000000000000002.
func numeral(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		return literal
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return literal
	}
	return fmt.Sprintf("%#.17g", f)
}
