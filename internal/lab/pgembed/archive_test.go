package pgembed

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tarOf packs entries, each with its content where it is a file.
func tarOf(t *testing.T, content string, entries ...tar.Header) io.Reader {
	t.Helper()
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	for _, header := range entries {
		if header.Typeflag == tar.TypeReg {
			header.Size = int64(len(content))
		}
		must(t, archive.WriteHeader(&header))
		if header.Typeflag == tar.TypeReg {
			_, err := archive.Write([]byte(content))
			must(t, err)
		}
	}
	must(t, archive.Close())
	return &packed
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}
}
func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}

func TestUnpackedModes(t *testing.T) {
	t.Parallel()
	s := store{filepath.Join(openTemp(t), "cache"), account{}}
	dir, err := s.add(t.Context(), "pg", func(dir string) error {
		return unpackTar(tarOf(t, "x", tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o777},
			tar.Header{Typeflag: tar.TypeDir, Name: "./bin", Mode: 0o2777}, file("./bin/initdb", 0o6777),
			file("./share/text", 0o666), file("./lib/libpq.so.5.18", 0o755), link("./lib/libpq.so.5", "libpq.so.5.18"),
			link("./bin/pq", "../lib/libpq.so.5")), dir)
	})
	must(t, err)
	for name, want := range map[string]os.FileMode{"bin": 0o755 | os.ModeDir, "bin/initdb": 0o755, "share/text": 0o644,
		"share": 0o755 | os.ModeDir, "lib/libpq.so.5.18": 0o755, "bin/pq": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

// TestArchiveStaysInside: whatever an archive holds, nothing outside of its folder is written, and a reader of the
// folder isn't led out of it.
func TestArchiveStaysInside(t *testing.T) {
	for _, attack := range []struct {
		name    string
		entries []tar.Header
	}{
		{"a parent", []tar.Header{file("../outside", 0o644)}},
		{"a parent inside of the name", []tar.Header{file("bin/../../outside", 0o644)}},
		{"an absolute name", []tar.Header{file("/outside", 0o644)}},
		{"a folder outside", []tar.Header{{Typeflag: tar.TypeDir, Name: "../outside", Mode: 0o755}}},
		{"a link to a parent", []tar.Header{link("l", "../treasure"), file("l/outside", 0o644)}},
		{"a link to an absolute name", []tar.Header{link("l", "TREASURE")}},
		{"a link to an absolute name, written through", []tar.Header{link("l", "TREASURE"), file("l/secret", 0o644)}},
		{"a link through a link", []tar.Header{link("a/b", "."), link("a/b/c", "../../treasure")}},
		{"a link to nowhere", []tar.Header{link("l", "nowhere")}},
		{"a link to itself", []tar.Header{link("l", "l")}},
		{"a hard link", []tar.Header{file("a", 0o644), {Typeflag: tar.TypeLink, Name: "l", Linkname: "a"}}},
		{"a hard link to outside", []tar.Header{{Typeflag: tar.TypeLink, Name: "l", Linkname: "../treasure/secret"}}},
		{"a device", []tar.Header{{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}}},
		{"a pipe", []tar.Header{{Typeflag: tar.TypeFifo, Name: "pipe"}}},
		{"a name twice", []tar.Header{file("bin/initdb", 0o755), file("./bin//initdb", 0o755)}},
		{"a file in place of a link", []tar.Header{file("a", 0o644), link("l", "a"), file("l", 0o644)}},
		{"a link in place of a file", []tar.Header{file("l", 0o644), link("l", "l")}},
		{"a file in place of a folder", []tar.Header{file("l/a", 0o644), file("l", 0o644)}},
		{"no name", []tar.Header{file("", 0o644)}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			dir, treasure := filepath.Join(base, "pg"), filepath.Join(base, "treasure")
			must(t, os.Mkdir(dir, 0o755))
			must(t, os.Mkdir(treasure, 0o755))
			must(t, os.WriteFile(filepath.Join(treasure, "secret"), []byte("secret"), 0o600))
			for i := range attack.entries {
				attack.entries[i].Linkname = strings.Replace(attack.entries[i].Linkname, "TREASURE", treasure, 1)
			}
			if err := unpackTar(tarOf(t, "hostile", attack.entries...), dir); err == nil {
				t.Error("unpacked")
			}
			for _, folder := range []string{base, treasure, "/"} {
				made := filepath.Join(folder, "outside")
				if exists(made) {
					t.Errorf("made %s", made)
				}
			}
			if content, err := os.ReadFile(filepath.Join(treasure, "secret")); string(content) != "secret" {
				t.Errorf("overwritten: %q, %v", content, err)
			}
		})
	}
}

func TestArchiveIsBounded(t *testing.T) {
	t.Parallel()
	folders := make([]tar.Header, mostFiles+1)
	for i := range folders {
		folders[i] = tar.Header{Typeflag: tar.TypeDir, Name: "d", Mode: 0o755}
	}
	err := unpackTar(tarOf(t, "", folders...), t.TempDir())
	if want := fmt.Sprintf("more than %d entries", mostFiles); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want %q", err, want)
	}
	cut := io.LimitReader(tarOf(t, "content", file("a", 0o644), file("b", 0o644)), 1200) // as at mostUnpacked
	if err := unpackTar(cut, t.TempDir()); err == nil {
		t.Error("an archive that is cut off was taken")
	}
}
