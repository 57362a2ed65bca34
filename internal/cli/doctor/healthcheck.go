package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/submsg/submsg/internal/cli/terminal"
)

// Healthcheck is `submsg healthcheck`, for images without a shell and curl.
type Healthcheck struct {
	HTTPAddr string `name:"http-addr" env:"SUBMSG_HTTP_ADDR" default:"127.0.0.1:8787" help:"Where serve answers."`
}

// Run fails unless serve answers.
func (c *Healthcheck) Run(ctx context.Context) error {
	host, port, err := net.SplitHostPort(c.HTTPAddr)
	if err != nil {
		return terminal.BadUsage("SUBMSG_HTTP_ADDR: %w", err)
	}
	if host == "" || host == "0.0.0.0" || host == "::" { // serve listens everywhere
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz",
		nil)
	if err != nil {
		return terminal.BadUsage("SUBMSG_HTTP_ADDR: %w", err)
	}
	// No proxy of the environment: it isn't asked whether it is alive. And no redirect: serve knows none.
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("serve doesn't answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("serve answers %s", answer.Status)
	}
	return nil
}
