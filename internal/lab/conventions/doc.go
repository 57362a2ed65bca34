// Package conventions holds the tests of the source's layout: which package may import which, how long files,
// functions, lines and lists of methods may be, how packages and files are named, what stands at the top level and in
// cmd/submsg. They read the source and run nothing of it. Begin with the list of packages in imports_test.go.
package conventions
