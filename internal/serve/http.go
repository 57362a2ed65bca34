package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
)

// pages are what serve answers over HTTP.
func pages(listening func() bool, ready *readiness, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health(listening))
	mux.Handle("GET /readyz", ready)
	mux.Handle("GET /metrics", metrics)
	return mux
}

// health is fine as long as the process answers: where wakes don't arrive, messages are only found later.
func health(listening func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		wakes := "not arriving"
		if listening() {
			wakes = "arriving"
		}
		fmt.Fprintf(w, "ok\nwakes: %s\n", wakes)
	}
}

// serveHTTP answers until ctx ends.
func serveHTTP(ctx context.Context, group *errgroup.Group, addr string, pages http.Handler, log *logrus.Entry) error {
	if addr == "off" {
		return nil
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("SUBMSG_HTTP_ADDR %s: %w", addr, err)
	}
	server := &http.Server{Handler: pages, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	log.Infof("http://%s/healthz answers", listener.Addr())
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("http: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	return nil
}
