package templates

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxPage = 1024 // bytes

// pageOf fills a template's page. Values are escaped as encodeURIComponent does, because a mini-program's
// decodeURIComponent reads a + as a plus.
func (t *Template) pageOf(params []string) string {
	places := t.page.places()
	if len(places) == 0 {
		return t.page.fill(params)
	}
	escaped := make([]string, len(params))
	for _, i := range places {
		escaped[i] = strings.ReplaceAll(url.QueryEscape(params[i]), "+", "%20")
	}
	return t.page.fill(escaped)
}

// checkPage returns why a page can't be one of the mini-program's own, or "".
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/
// api_sendmessage.html
func checkPage(page string) (reason string) {
	path := page
	if at := strings.IndexAny(page, "?#"); at >= 0 {
		path = page[:at]
	}
	switch {
	case len(page) > maxPage:
		return "it is longer than 1024 bytes"
	case !utf8.ValidString(page):
		return "it is not valid UTF-8"
	case strings.ContainsFunc(page, unicode.IsControl):
		return "it holds a control character"
	case strings.Contains(path, ":"):
		return "it has a scheme; a page is a path inside the mini-program, such as pages/index/index?id=1"
	case strings.HasPrefix(path, "//"):
		return "it begins with //; a page is a path inside the mini-program, such as pages/index/index?id=1"
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			return "it has a .. in its path; a page is a path inside the mini-program, such as pages/index/index?id=1"
		}
	}
	return ""
}
