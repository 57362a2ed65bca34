package account

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/submsg/submsg/internal/channel"
)

const maxSecretFile = 4 << 10 // bytes; an AppSecret has 32

// ReadSecret reads a file that holds a secret and nothing else but white space. Its errors say nothing of what stands
// there, and don't name the file: somebody may have written the secret itself where its file is to be named.
func ReadSecret(path string) (channel.Secret, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // which doesn't wait for the writer of a pipe
	if err != nil {
		return "", withoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", withoutPath(err)
	}
	if len(text) > maxSecretFile {
		return "", fmt.Errorf("it has more than %d bytes: no secret has", maxSecretFile)
	}
	return channel.Secret(strings.TrimSpace(string(text))), nil
}

func withoutPath(err error) error {
	if at := new(fs.PathError); errors.As(err, &at) {
		return at.Err
	}
	return err
}
