// Package fields is what WeChat lets a template's data hold: its keys, and the types that they have. It checks the
// texts of template files when those are read, and each value before it is sent.
//
// It is what package templates asks about WeChat, and knows neither messages nor accounts. Begin with Keys; types.go
// says what each of WeChat's types takes, value.go looks at one value, shipped.go loads templates that are all
// WeChat's.
//
// What types and keys may hold is said by WeChat's page on sending a subscribe message:
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/
// api_sendmessage.html
package fields

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/yamlfiles"
	"github.com/submsg/submsg/templates"
)

var _ templates.Keys = Keys

// Keys reads the type from a key: amount3 is an amount. It is the templates.Keys of WeChat.
func Keys(key string) (templates.Type, error) {
	prefix := strings.TrimRight(key, "0123456789")
	number := key[len(prefix):]
	kind := Type(prefix)
	if prefix == "enum_string" { // the spelling that WeChat gives out; its page says enum
		kind = Enum
	}
	switch {
	case strings.HasSuffix(key, ".DATA"):
		return nil, fmt.Errorf("key %s: write it without .DATA", yamlfiles.Quote(key))
	case requirements[kind] == nil:
		known := slices.Sorted(maps.Keys(requirements))
		return nil, fmt.Errorf("key %s: WeChat has no type %s%s", yamlfiles.Quote(key), yamlfiles.Quote(prefix),
			suggestType(prefix, known))
	case number == "":
		return nil, fmt.Errorf("key %s: its number is missing, as in %s1", yamlfiles.Quote(key), prefix)
	case number[0] == '0':
		return nil, fmt.Errorf("key %s: WeChat's numbers have no leading 0", yamlfiles.Quote(key))
	case len(number) > 9:
		return nil, errors.New("key " + yamlfiles.Quote(key) + ": its number is too long")
	}
	return kind, nil
}

func suggestType(prefix string, known []Type) string {
	var words []string
	for _, k := range known {
		words = append(words, string(k))
	}
	return yamlfiles.Suggest(prefix, words)
}
