package fakewechat

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// checks say of each parameter type of WeChat's subscribe/send page whether it takes a value. A value is not empty when
// it gets here.
var checks = map[string]func(string) bool{
	"thing":            upTo(20, printable),
	"letter":           upTo(32, letter),
	"symbol":           upTo(5, symbol),
	"character_string": upTo(32, letter, digit, symbol),
	"phone_number":     upTo(17, digit, symbol),
	"phrase":           upTo(5, han),
	"name":             name,
	"car_number":       carNumber,
	"number":           number,
	"amount":           amount,
	"time":             clockTime,
	"date":             date,
}

// valid judges one value. An enum's words are the template's; a template file that lists none leaves
// them unknown. A type without a check passes nothing.
func valid(typ string, words []string, v string) bool {
	if strings.ContainsFunc(v, unprintable) {
		return false
	}
	if typ == "enum" {
		return len(words) == 0 || slices.Contains(words, v)
	}
	check := checks[typ]
	return check != nil && check(v)
}

// A class is a kind of character.
type class func(rune) bool

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
func digit(r rune) bool  { return '0' <= r && r <= '9' }
func han(r rune) bool    { return unicode.Is(unicode.Han, r) }

// symbol follows the note under the table: what is neither Chinese, nor English, nor a digit. A space is one.
func symbol(r rune) bool    { return r == ' ' || unicode.IsPunct(r) || unicode.IsSymbol(r) }
func printable(r rune) bool { return !unprintable(r) }

// unprintable characters fail in every type: line breaks, controls, and what is left of mojibake.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
}

// upTo allows at most n characters, each of one of the classes.
func upTo(n int, classes ...class) func(string) bool {
	return func(v string) bool { return length(v) <= n && all(v, classes...) }
}

// length counts UTF-16 units: one for a Han, two for an emoji.
func length(v string) (n int) {
	for _, r := range v {
		n += utf16.RuneLen(r)
	}
	return n
}

func all(v string, classes ...class) bool {
	for _, r := range v {
		if !slices.ContainsFunc(classes, func(c class) bool { return c(r) }) {
			return false
		}
	}
	return true
}

// name: 10 characters as soon as one is Chinese, else 20; never a digit.
func name(v string) bool {
	most := 20
	if strings.ContainsFunc(v, han) {
		most = 10
	}
	return upTo(most, han, letter, symbol)(v)
}

// carNumber: at most 8 letters and digits; the first and the last may be Han.
func carNumber(v string) bool {
	rs := []rune(v)
	for i, r := range rs {
		edge := i == 0 || i == len(rs)-1
		if !letter(r) && !digit(r) && !(edge && han(r)) {
			return false
		}
	}
	return length(v) <= 8
}

var (
	numberForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	amountForm = regexp.MustCompile(`^\p{Sc}?[0-9]+(\.[0-9]+)?元?$`)
)

// The limits of number and amount count every digit, those after the point too: 656887888.00 was refused.

func number(v string) bool { return numberForm.MatchString(v) && digits(v) <= 32 }
func amount(v string) bool { return amountForm.MatchString(v) && digits(v) <= 10 }

func digits(v string) (n int) {
	for _, r := range v {
		if digit(r) {
			n++
		}
	}
	return n
}

// Layouts of package time. They take 1 and 01, and know how long each month is.
var (
	clocks   = []string{"15:04", "15:04:05"}
	days     = []string{"2006年1月2日", "2006-1-2", "2006/1/2", "2006.1.2", "1月2日", "1-2", "1/2", "1.2"}
	months   = []string{"2006年1月", "2006-1", "2006/1", "2006.1"}
	anyDates = slices.Concat(days, months)
)

// fits: no layout has a fraction of a second, but package time would take one after the seconds.
func fits(v string, layouts []string) bool {
	if strings.ContainsAny(v[strings.LastIndexByte(v, ':')+1:], ".,") && strings.Contains(v, ":") {
		return false
	}
	return slices.ContainsFunc(layouts, func(l string) bool {
		_, err := time.Parse(l, v)
		return err == nil
	})
}

// moment is a clock time, perhaps after a day.
func moment(v string) bool {
	day, clock, both := strings.Cut(v, " ")
	if !both {
		return fits(v, clocks)
	}
	return fits(day, days) && fits(clock, clocks)
}

// clockTime is a moment, or two with a ~ between.
func clockTime(v string) bool {
	from, to, isRange := strings.Cut(v, "~")
	return moment(from) && (!isRange || moment(to))
}

// date is a day or a month, perhaps with a clock time, or two of them with a ~ between; the second may
// be the clock time alone when the first has one.
func date(v string) bool {
	from, to, isRange := strings.Cut(v, "~")
	timed := strings.Contains(from, " ")
	one := func(v string) bool { return fits(v, anyDates) || strings.Contains(v, " ") && moment(v) }
	return one(from) && (!isRange || one(to) || timed && fits(to, clocks))
}
