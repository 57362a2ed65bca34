// Package house holds the tests of the house's rules: which package may import which, how long files, functions, lines
// and lists of methods may be, how packages and files are named, what stands at the top level and in cmd/submsg. They
// read the source and run nothing of it. Begin with the list of packages in house_test.go.
package house
