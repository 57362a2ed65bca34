package settings

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

const maxSecretFile = 4 << 10 // bytes; an AppSecret has 32

// readSecret reads a file that holds a secret and nothing else but white space. Its errors name the file, and say
// nothing of what stands there.
func readSecret(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // which doesn't wait for the writer of a pipe
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSecretFile {
		return "", fmt.Errorf("%s has more than %d bytes: no AppSecret has", path, maxSecretFile)
	}
	return strings.TrimSpace(string(text)), nil
}
