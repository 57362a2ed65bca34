package fields

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// Type is what WeChat lets a key hold: the key without its number. It is the templates.Type of WeChat's keys.
type Type string

// String is the type's name.
func (t Type) String() string { return string(t) }

// Lists tells whether a template's file may list the values: those of an enum.
func (t Type) Lists() bool { return t == Enum }

// WeChat's 13 types.
const (
	Thing           Type = "thing"
	Number          Type = "number"
	Letter          Type = "letter"
	Symbol          Type = "symbol"
	CharacterString Type = "character_string"
	Time            Type = "time"
	Date            Type = "date"
	Amount          Type = "amount"
	PhoneNumber     Type = "phone_number"
	CarNumber       Type = "car_number"
	Name            Type = "name"
	Phrase          Type = "phrase"
	Enum            Type = "enum"
)

// requirement is what WeChat certainly refuses in a type. Where its page is silent, or reports differ, WeChat is left
// to judge: a value refused here by mistake could never be sent, one passed by mistake costs a request.
type requirement struct {
	max      int             // longest value in characters, 0 when the form says it
	hanMax   int             // the same for a value with Chinese characters, when it differs
	allows   func(rune) bool // which characters may occur at all, nil when any
	form     lazily          // the value as a whole, nil when characters and length say all
	free     bool            // text for people, so that it may be cut; a cut number, id or time would lie
	ellipsis string          // what a cut text ends with
	says     string          // the requirement as a sentence
}

var requirements = map[Type]*requirement{
	Thing: {max: 20, free: true, ellipsis: "…", says: "a thing is up to 20 characters of any kind"},
	Number: {allows: runes("+-.", unicode.Nd), form: numberForm,
		says: "a number is up to 32 digits, with or without decimals"},
	Letter: {max: 32, allows: func(r rune) bool { return unicode.IsLetter(r) && !isHan(r) }, free: true,
		says: "a letter is up to 32 letters, nothing else and no Chinese"},
	Symbol: {max: 5, allows: func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) },
		says: "a symbol is up to 5 symbols, no letters, digits or Chinese"},
	CharacterString: {max: 32, allows: func(r rune) bool { return !isHan(r) },
		says: "a character_string is up to 32 letters, digits and symbols, no Chinese"},
	Time: {allows: runes(clockRunes), form: timeForm,
		says: "a time is HH:MM or HH:MM:SS, with or without a date (2019年10月1日, 2019-10-01) before it; " +
			"a range joins two by ~, not ～"},
	Date: {allows: runes(clockRunes), form: dateForm,
		says: "a date is 2019年10月1日 or 2019-10-01, with or without HH:MM after it; a range joins two by ~, not ～"},
	Amount: {allows: runes("+-. 元", unicode.Nd, unicode.Sc), form: amountForm,
		says: "an amount is up to 10 digits, with or without decimals; " +
			"one currency symbol may stand before them, 元 after"},
	PhoneNumber: {max: 17, allows: func(r rune) bool { return !unicode.IsLetter(r) },
		says: "a phone_number is up to 17 digits and symbols, no letters or Chinese"},
	CarNumber: {max: 8, allows: runes("", unicode.L, unicode.Nd), form: carForm,
		says: "a car_number is up to 8 letters and digits; the first and the last may be Chinese"},
	Name: {max: 20, hanMax: 10, allows: func(r rune) bool { return !unicode.IsDigit(r) }, free: true,
		says: "a name is up to 10 characters, or up to 20 when none is Chinese, and has no digits"},
	Phrase: {max: 5, allows: isHan, free: true,
		says: "a phrase is up to 5 Chinese characters, nothing else"},
	Enum: {says: "an enum is one of the template's values"},
}

// The date forms of the note under WeChat's table: y年m月d日, y年m月, m月d日, or joined by - / and dots.
const (
	month = `(?:0?[1-9]|1[0-2])`
	day   = `(?:0?[1-9]|[12][0-9]|3[01])`
	sep   = `[-/.]`
	date  = `(?:[0-9]{4}年` + month + `月(?:` + day + `日)?|` + month + `月` + day + `日|` +
		`[0-9]{4}` + sep + month + `(?:` + sep + day + `)?|` + month + sep + day + `)`
	clock = `(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?`

	timePoint  = `(?:` + date + ` *)?` + clock
	datePoint  = date + `(?: *` + clock + `)?`
	clockRunes = "0123456789年月日-/.:~ "
)

var (
	timeForm = whole(timePoint + `(?: *~ *` + timePoint + `)?`)
	dateForm = whole(datePoint + `(?: *~ *(?:` + datePoint + `|` + clock + `))?`)

	// A minus sign is not documented, and not reported to fail.
	numberForm = whole(`[-+]?(?:\p{Nd}{1,32}(?:\.\p{Nd}{0,32})?|\.\p{Nd}{1,32})`)
	amountForm = whole(`[-+]?\p{Sc}?[-+]? ?(?:\p{Nd}{1,10}(?:\.\p{Nd}{0,10})?|\.\p{Nd}{1,10}) ?元?`)
	carForm    = whole(`[\p{L}\p{Nd}](?:[\p{Latin}\p{Nd}]*[\p{L}\p{Nd}])?`)
)

// lazily is an expression that is made when it is first needed: most processes need none, and they are large.
type lazily func() *regexp.Regexp

func whole(form string) lazily {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + form + `)$`) })
}

func isHan(r rune) bool {
	return unicode.Is(unicode.Han, r)
}

func runes(chars string, tables ...*unicode.RangeTable) func(rune) bool {
	return func(r rune) bool {
		return strings.ContainsRune(chars, r) || unicode.In(r, tables...)
	}
}
