//go:build !linux

package bench

import "syscall"

// ownGroup keeps the terminal's signals away. A child outlives us here if we are killed.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
