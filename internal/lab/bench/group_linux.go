package bench

import "syscall"

// ownGroup keeps the terminal's signals away, and ends the child with us, whatever ends us.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
