package tracing

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	mostTrouble = 300 // bytes
	leastSecret = 4   // bytes: no credential is shorter, and hiding shorter ones would hide many words
	leastPart   = 8   // the same for a part of a path, because many of those are words
)

var anyURL = regexp.MustCompile(`https?://[^\s"']+`)

// Trouble is what may be logged of an error of OpenTelemetry: one line without the headers and the URL of the
// collector, because either may hold credentials. The collector's answer may repeat them anywhere, so each of their
// values is looked for in the whole text.
func Trouble(err error) string {
	hidden := secrets()
	// The longest come first: where one secret begins with another, the whole of it is to be hidden.
	slices.SortFunc(hidden, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, secret := range hidden {
		pairs = append(pairs, secret, "***")
	}
	text := strings.NewReplacer(pairs...).Replace(err.Error())
	text = anyURL.ReplaceAllString(text, "the endpoint")
	if len(text) > mostTrouble {
		text = text[:mostTrouble] + "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
}

// secrets returns the values that no log may show.
func secrets() (list []string) {
	hideFrom := func(least int, texts ...string) {
		for _, text := range texts {
			if len(text) >= least {
				list = append(list, text)
			}
		}
	}
	hide := func(texts ...string) { hideFrom(leastSecret, texts...) }
	for _, variable := range []string{endpointVar, generalEndpointVar} {
		_, endpoint := setting(variable)
		hide(endpoint)
		if u, err := url.Parse(endpoint); err == nil {
			password, _ := u.User.Password()
			hide(u.User.Username(), password, u.RawQuery, strings.Trim(u.Path, "/"), strings.Trim(u.EscapedPath(), "/"))
			for part := range strings.SplitSeq(u.EscapedPath(), "/") {
				plain, _ := url.PathUnescape(part)
				hideFrom(leastPart, part, plain)
			}
			for _, values := range u.Query() {
				hide(values...)
			}
		}
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"} {
		_, headers := setting(variable)
		for pair := range strings.SplitSeq(headers, ",") {
			_, value, _ := strings.Cut(pair, "=")
			plain, _ := url.PathUnescape(value)
			hide(strings.TrimSpace(value), strings.TrimSpace(plain))
			hide(strings.Fields(plain)...) // which finds the token behind "Bearer"
		}
	}
	return list
}
