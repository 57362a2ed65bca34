package pgembed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/xi2/xz"
)

// unpackJar unpacks the binaries in a jar, which is a zip with one tar.xz in it.
func unpackJar(jar []byte, dir string) error {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return err
	}
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, ".txz") {
			continue
		}
		packed, err := file.Open()
		if err != nil {
			return err
		}
		defer packed.Close()
		content, err := xz.NewReader(packed, xz.DefaultDictMax)
		if err != nil {
			return err
		}
		return unpackTar(io.LimitReader(content, mostUnpacked), dir)
	}
	return errors.New("no .txz in the jar")
}

// unpackTar unpacks folders, files and links into a folder, and nothing outside of it. A name may occur only once.
func unpackTar(content io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var links []string
	archive := tar.NewReader(content)
	for range mostFiles {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return checkLinks(root, links)
		} else if err != nil {
			return err
		}
		name := filepath.Clean(header.Name)
		if err := unpackEntry(root, name, header, archive); err != nil {
			return fmt.Errorf("%.200q: %w", header.Name, err)
		}
		if header.Typeflag == tar.TypeSymlink {
			links = append(links, name)
		}
	}
	return fmt.Errorf("more than %d entries", mostFiles)
}

func unpackEntry(root *os.Root, name string, header *tar.Header, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		mode := os.FileMode(header.Mode) & 0o111
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	}
	return fmt.Errorf("is of type %q, neither a file nor a folder nor a symbolic link", header.Typeflag)
}

// checkLinks refuses links that lead out of the folder, or nowhere.
func checkLinks(root *os.Root, links []string) error {
	for _, name := range links {
		if _, err := root.Stat(name); err != nil {
			return fmt.Errorf("%.200q: %w", name, err)
		}
	}
	return nil
}
