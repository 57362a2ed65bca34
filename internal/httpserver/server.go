// Package httpserver listens for HTTP in the one way that all of submsg's listeners do: connections and times are
// bounded, requests by foreign host names and from other sites' pages are refused, and no stranger fills the log.
//
// It knows no page. Begin with Listen; connections.go says who gives way when there are too many, hosts.go which
// requests are refused, trouble.go what is logged.
package httpserver

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"time"
)

const (
	headerWithin = 5 * time.Second
	idleFor      = time.Minute // longer than clients keep a connection, so that seldom one is closed under a request
	headerBytes  = 16 << 10
)

// Config says where a listener is, and what it answers.
type Config struct {
	Addr  string       // host:port; port 0 takes a free one
	Hosts []string     // names that it is called by, beside IP addresses, localhost and the host of Addr
	Pages http.Handler // what is answered
	Conns int          // most connections at a time; never more than the process has file descriptors for

	Within time.Duration     // bounds a request from its first byte to the last one of its answer
	Drain  time.Duration     // how long the answers under way are waited for at the end; 0: they are cut off
	Log    func(text string) // is told of trouble now and then, in one line
}

// Server is an open listener. Run has it answer.
type Server struct {
	listener net.Listener
	http     http.Server
	drain    time.Duration
}

// Listen opens the listener.
func Listen(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	trouble := &trouble{tell: cfg.Log}
	open := &connections{most: within(cfg.Conns), open: map[*conn]struct{}{}, trouble: trouble}
	pages := hostsOf(cfg).guard(http.NewCrossOriginProtection().Handler(cfg.Pages))
	return &Server{listener: bounded{listener, open}, drain: cfg.Drain, http: http.Server{
		Handler: pages, ConnState: open.state, ErrorLog: log.New(trouble, "", 0),
		ReadHeaderTimeout: headerWithin, ReadTimeout: cfg.Within, WriteTimeout: cfg.Within, IdleTimeout: idleFor,
		MaxHeaderBytes: headerBytes,
	}}, nil
}

// Addr is the address that it listens at, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		if s.drain > 0 {
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
			defer cancel()
			_ = s.http.Shutdown(drain) // what is under way after that is cut off
		}
		_ = s.http.Close()
	})
	err := s.http.Serve(s.listener)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
