package tracing

import (
	"net/url"
	"regexp"
	"strings"
)

const (
	mostTrouble = 300 // bytes
	leastSecret = 4   // bytes: no credential is shorter, and many words are
)

var anyURL = regexp.MustCompile(`https?://[^\s"']+`)

// Trouble is what may be logged of an error of OpenTelemetry's: one line without the headers and the URL of the collector, as
// either may hold credentials. An answer of the collector may repeat them, so they are looked for by what they are.
func Trouble(err error) string {
	text := strings.NewReplacer(secrets()...).Replace(err.Error())
	text = anyURL.ReplaceAllString(text, "the endpoint")
	if len(text) > mostTrouble {
		text = text[:mostTrouble] + "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
}

// secrets is what no log may show, each followed by what it may show instead, as a Replacer takes them.
func secrets() (list []string) {
	hide := func(texts ...string) {
		for _, text := range texts {
			if len(text) >= leastSecret {
				list = append(list, text, "***")
			}
		}
	}
	for _, variable := range []string{endpointVar, generalEndpointVar} {
		_, endpoint := setting(variable)
		hide(endpoint)
		if u, err := url.Parse(endpoint); err == nil {
			password, _ := u.User.Password()
			hide(u.User.Username(), password, u.RawQuery, strings.Trim(u.Path, "/"), strings.Trim(u.EscapedPath(), "/"))
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
