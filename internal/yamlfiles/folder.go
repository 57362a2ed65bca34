package yamlfiles

import (
	"io/fs"
	"os"
	"syscall"
)

// Folder is a folder on disk as Read takes it. A link that leads out of the folder is an error: whoever may write
// the files could have others read what he may not, for their mistakes are told with the words that are mistaken.
// Links inside are followed, because Kubernetes mounts files so. The folder itself may be a link, and may be replaced.
type Folder string

// Open opens a file, and doesn't wait for the writer of a pipe.
func (f Folder) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Stat tells what a file is without opening it.
func (f Folder) Stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(name)
}
