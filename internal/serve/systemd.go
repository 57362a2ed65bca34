package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"
)

// What systemd is told, by sd_notify(3).
const (
	sdReady    = "READY=1"
	sdStopping = "STOPPING=1"
	sdWatchdog = "WATCHDOG=1"
)

// watched tells systemd, where it runs us, that we are ready, alive and, when ctx ends, stopping. The function that it
// returns is for the end.
func watched(ctx context.Context, alive func() bool, log *logrus.Entry) (end func()) {
	tell := func(state string) {
		if err := sdNotify(state); err != nil {
			log.Warn(err)
		}
	}
	tell(sdReady)
	context.AfterFunc(ctx, func() { tell(sdStopping) })
	watchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // also while what is on the wire is waited for
	done := make(chan struct{})
	go func() { defer close(done); sdWatch(watchCtx, alive, log) }()
	return func() { cancel(); <-done }
}

var errStuck = errors.New("nothing has moved for too long, please report it with what stands above")

// notifyWithin bounds a notification, which waits where the receiver's queue is full.
const notifyWithin = time.Second

// sdNotify tells systemd a state, where it runs us and wants to know.
func sdNotify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET") // @… is abstract, which package net knows
	if path == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		defer conn.Close()
		// Whoever doesn't read what he is told must not hold us up.
		_ = conn.SetWriteDeadline(time.Now().Add(notifyWithin))
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		return fmt.Errorf("systemd was not told %s: %w", state, err)
	}
	return nil
}

// sdWatch shows systemd's watchdog that we are alive, until ctx is done, and leaves off when we aren't: it restarts us
// then.
func sdWatch(ctx context.Context, alive func() bool, log *logrus.Entry) {
	within, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err != nil || within <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return
	}
	tick := time.NewTicker(time.Duration(within) * time.Microsecond / 3)
	defer tick.Stop()
	for said := false; ; {
		err := errStuck
		if alive() {
			err = sdNotify(sdWatchdog)
		}
		if err != nil && !said {
			log.Errorf("systemd's watchdog will restart submsg: %v", err)
		}
		said = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
