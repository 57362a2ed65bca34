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
	leastSecret = 4   // bytes: no credential is shorter, and many words are
	leastPart   = 8   // the same for a part of a path: many of those are words
)

var anyURL = regexp.MustCompile(`https?://[^\s"']+`)

// Trouble is what may be logged of an error of OpenTelemetry's: one line without the headers and the URL of the collector, as
// either may hold credentials. An answer of the collector may repeat them, so they are looked for by what they are.
func Trouble(err error) string {
	hidden := secrets()
	slices.SortFunc(hidden, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // where one begins with another, the longer
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

// secrets is what no log may show.
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
			hide(strings.Fields(plain)...) // of "Bearer …" the second word
		}
	}
	return list
}
