package pgembed

import "syscall"

const memoryDir = "/dev/shm"

// roomyMemory tells whether dir has room for test databases; containers often give /dev/shm 64 MB only.
func roomyMemory(dir string) bool {
	var fs syscall.Statfs_t
	err := syscall.Statfs(dir, &fs)
	return err == nil && fs.Bavail*uint64(fs.Bsize) > 512<<20
}
