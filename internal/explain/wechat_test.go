package explain

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// wellSaid reports a text that a person couldn't use, or that can't stand in a sentence with others.
func wellSaid(t *testing.T, what any, text Text) {
	t.Helper()
	isHan := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	if !strings.ContainsFunc(text.ZH, isHan) || text.EN == "" || strings.ContainsFunc(text.EN, isHan) {
		t.Errorf("%v: %+v is not in both tongues", what, text)
	}
	for _, said := range []string{text.ZH, text.EN} {
		if said != strings.TrimSpace(said) || strings.ContainsFunc(said, unicode.IsControl) {
			t.Errorf("%v: %q", what, said)
		}
		if strings.HasSuffix(said, ".") || strings.HasSuffix(said, "。") {
			t.Errorf("%v: %q ends with a full stop, but more follows it where it is shown", what, said)
		}
	}
}

func TestWeChatIsSaidInBothTongues(t *testing.T) {
	for _, causes := range []map[int32]Cause{WeChat, WeChatToken, {0: WeChatUnlisted}} {
		for _, code := range slices.Sorted(maps.Keys(causes)) {
			wellSaid(t, code, causes[code].Why)
			wellSaid(t, code, causes[code].NextStep)
		}
	}
	wellSaid(t, "the next step of a doubtful message", ResentItself)
}

func TestTokenCodesHavePublishedWords(t *testing.T) {
	for code := range WeChatToken {
		if _, ok := WeChat[code]; !ok {
			t.Errorf("%d has words for stable_token, but none in WeChat, which is published", code)
		}
	}
}
