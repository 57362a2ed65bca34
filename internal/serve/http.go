package serve

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/httpserver"
)

const (
	mostHTTPConns = 128
	httpWithin    = 5 * time.Second

	// What is open beside connections: files, sockets of resolvers, the runtime's own.
	otherDescriptors = 64
)

// pages are what serve answers over HTTP.
func pages(alive, listening func() bool, ready *readiness, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health(alive, listening))
	mux.Handle("GET /readyz", ready)
	mux.Handle("GET /metrics", metrics)
	return mux
}

// health is fine as long as the process makes progress: where wakes don't arrive, messages are only found later, and a
// database that is away is outlived, as /readyz tells.
func health(alive, listening func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !alive() {
			http.Error(w, "stuck: "+errStuck.Error(), http.StatusServiceUnavailable)
			return
		}
		wakes := "not arriving"
		if listening() {
			wakes = "arriving"
		}
		fmt.Fprintf(w, "ok\nwakes: %s\n", wakes)
	}
}

// httpConns is how many connections HTTP may hold: never those that the senders and the database need, which come
// first. Settings that need more than the process may have are an error.
func (c *Command) httpConns(senders, databaseConns int) (int, error) {
	have := httpserver.Descriptors()
	conns := min(mostHTTPConns, have/4)
	if need := senders + databaseConns + conns + otherDescriptors; need > have {
		return 0, terminal.BadUsage("%d senders and %d connections to the database need %d file descriptors, and "+
			"this process may have %d: raise its limit (ulimit -n, or LimitNOFILE= in the unit), or lower "+
			"SUBMSG_SENDERS", senders, databaseConns, need, have)
	}
	return conns, nil
}

// serveHTTP answers until ctx ends.
func (c *Command) serveHTTP(ctx context.Context, group *errgroup.Group, conns int, pages http.Handler,
	log *logrus.Entry) error {
	if c.HTTPAddr == "off" {
		return nil
	}
	server, err := httpserver.Listen(httpserver.Config{Addr: c.HTTPAddr, Hosts: c.HTTPHosts, Pages: pages,
		Conns: conns, Within: httpWithin, Log: func(text string) { log.Warn(text) }})
	if err != nil {
		return fmt.Errorf("SUBMSG_HTTP_ADDR %s: %w", c.HTTPAddr, err)
	}
	log.Infof("http://%s/healthz answers", server.Addr())
	group.Go(func() error {
		if err := server.Run(ctx); err != nil {
			return fmt.Errorf("http: %w", err)
		}
		return nil
	})
	return nil
}
