package pgembed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestDownload downloads from a repository on this machine, and runs a server with what was downloaded.
func TestDownload(t *testing.T) {
	t.Parallel()
	f := machine(t)
	repository := newRepository(t, f.owner, "initdb", "postgres", "pg_ctl")
	f.getenv = func(name string) string {
		return map[string]string{envMirror: repository.url}[name]
	}
	want := filepath.Join(f.store.dir, downloadVersion, "bin")
	for range 2 { // the second time from the store
		got, err := f.find(t.Context(), "")
		if err != nil || got.dir != want {
			t.Fatalf("found %q, %v", got.dir, err)
		}
	}
	if n := repository.downloads.Load(); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
	if _, err := trusted(want); err != nil {
		t.Error(err)
	}
	s := start(t, Config{BinDir: want, Test: true})
	if got := ask(t, s.URL(), "SELECT 'up'"); got != "up" {
		t.Error(got)
	}
}

func TestBadDownloadIsNotKept(t *testing.T) {
	all := []string{"initdb", "postgres"}
	for _, tt := range []struct {
		name     string
		programs []string
		answer   func(path string, w http.ResponseWriter) bool
		want     string
	}{
		{"incomplete", []string{"postgres"}, nil, "no initdb in the archive"},
		{"damaged", all, func(path string, w http.ResponseWriter) bool {
			if strings.HasSuffix(path, ".jar") {
				fmt.Fprint(w, "x")
			}
			return false
		}, "is not the one beside it"},
		{"without a checksum", all, func(path string, w http.ResponseWriter) bool {
			if strings.HasSuffix(path, ".sha256") {
				w.WriteHeader(http.StatusNotFound)
				return true
			}
			return false
		}, "without its checksum an archive isn't used"},
		{"with an empty checksum", all, func(path string, _ http.ResponseWriter) bool {
			return strings.HasSuffix(path, ".sha256")
		}, "is not the one beside it"},
		{"with an endless checksum", all, func(path string, w http.ResponseWriter) bool {
			for strings.HasSuffix(path, ".sha256") {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return true
				}
			}
			return false
		}, "has more than 1024 bytes"},
		{"by another protocol", all, func(path string, w http.ResponseWriter) bool {
			w.Header().Set("Location", "https://127.0.0.1:1/")
			w.WriteHeader(http.StatusFound)
			return true
		}, "leads to https://127.0.0.1:1/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := machine(t)
			repository := newRepository(t, f.owner, tt.programs...)
			if tt.answer != nil {
				repository.answer.Store(&tt.answer)
			}
			f.getenv = func(name string) string {
				return map[string]string{envMirror: repository.url}[name]
			}
			if _, err := f.find(t.Context(), ""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(f.store.dir, "*")); len(left) > 1 {
				t.Errorf("left: %v, only the lock is to stay", left)
			}
		})
	}
}

type repository struct {
	url       string
	downloads atomic.Int32
	answer    atomic.Pointer[func(path string, w http.ResponseWriter) (whole bool)] // in place of the true one
}

func newRepository(t *testing.T, owner account, programs ...string) *repository {
	t.Helper()
	jar := jarOf(t, owner, programs)
	r := &repository{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if answer := r.answer.Load(); answer != nil && (*answer)(req.URL.Path, w) {
			return
		}
		switch {
		case !strings.HasPrefix(req.URL.Path, "/io/zonky/test/postgres/embedded-postgres-binaries-"):
			http.NotFound(w, req)
		case strings.HasSuffix(req.URL.Path, ".jar.sha256"):
			sum := sha256.Sum256(jar)
			fmt.Fprintf(w, "%x", sum)
		case strings.HasSuffix(req.URL.Path, ".jar"):
			r.downloads.Add(1)
			_, _ = w.Write(jar)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// jarOf packs binaries as the repository has them: a zip with a tar.xz inside. A distribution's binaries can't be
// moved, so these pass on to where they are.
func jarOf(t *testing.T, owner account, programs []string) []byte {
	t.Helper()
	real, err := find(t.Context(), "", owner)
	if err != nil {
		t.Fatal(err)
	}
	var tarball, jar bytes.Buffer
	archive, outer := tar.NewWriter(&tarball), zip.NewWriter(&jar)
	for _, name := range programs {
		script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", filepath.Join(real.dir, name))
		must(t, archive.WriteHeader(&tar.Header{Name: "./bin/" + name, Mode: 0o755, Size: int64(len(script))}))
		_, err := archive.Write([]byte(script))
		must(t, err)
	}
	must(t, archive.Close())
	entry, err := outer.Create("postgres-linux-x86_64.txz")
	must(t, err)
	_, err = entry.Write(xzOf(tarball.Bytes()))
	must(t, err)
	must(t, outer.Close())
	return jar.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// xzOf wraps data in the .xz format (tukaani.org/xz/xz-file-format.txt) without compressing them.
func xzOf(data []byte) []byte {
	crc := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }
	pad := func(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }
	flags := []byte{0, 1} // check: CRC32

	block := crc([]byte{2, 0, 0x21, 1, 16, 0, 0, 0}) // header of 12 bytes, one filter: LZMA2 with its property
	for i := 0; i < len(data); i += 1 << 16 {
		chunk := data[i:min(i+1<<16, len(data))]
		control := byte(2) // stored
		if i == 0 {
			control = 1 // stored, the dictionary begins
		}
		block = append(block, control)
		block = binary.BigEndian.AppendUint16(block, uint16(len(chunk)-1))
		block = append(block, chunk...)
	}
	block = append(block, 0)
	unpadded := len(block) + crc32.Size
	block = binary.LittleEndian.AppendUint32(pad(block), crc32.ChecksumIEEE(data))

	index := binary.AppendUvarint([]byte{0, 1}, uint64(unpadded))
	index = crc(pad(binary.AppendUvarint(index, uint64(len(data)))))
	backward := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), flags...)

	out := append([]byte("\xfd7zXZ\x00"), crc(flags)...)
	out = append(append(out, block...), index...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(backward))
	return append(append(out, backward...), "YZ"...)
}
