package httpserver

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hosts are the names that a listener is called by. A page in a browser can have its own name point to this machine
// (DNS rebinding), and would then read what is meant for others; but its requests say its name.
type hosts map[string]bool

func hostsOf(cfg Config) hosts {
	h := hosts{"localhost": true, "": true} // HTTP/1.0 has no Host, and no browser leaves it out
	if host, _, err := net.SplitHostPort(cfg.Addr); err == nil {
		h[plain(host)] = true
	}
	for _, name := range cfg.Hosts {
		h[plain(name)] = true
	}
	return h
}

// plain is a name as it is compared.
func plain(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// own tells whether a request with this Host may mean the listener. An address is nobody's name.
func (h hosts) own(host string) bool {
	name := strings.Trim(host, "[]")
	if before, _, err := net.SplitHostPort(host); err == nil {
		name = before
	}
	_, err := netip.ParseAddr(name)
	return err == nil || h[plain(name)] || strings.HasSuffix(plain(name), ".localhost")
}

// guard refuses requests by foreign names.
func (h hosts) guard(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.own(r.Host) {
			http.Error(w, "this is not the host of that name: call it by its address, or tell it its name "+
				"(--http-hosts of submsg serve, --hosts of submsg fakewechat)", http.StatusMisdirectedRequest)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// Local tells whether a request comes from this machine, and not through a proxy on it.
func Local(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(r.Header[header]) > 0 {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback()
}
