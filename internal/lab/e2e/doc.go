// Package e2e holds the end-to-end tests: they run submsg as a process of its own, or its commands within the test, on
// a real Postgres and a fake WeChat, and look at what a person or another program sees of it: rows, exit codes, what is
// printed, HTTP, the READMEs, the files of a deployment. They know nothing of how submsg works inside. Begin with
// process_test.go and world_test.go, which start what a test needs; each other file is named by what it tests.
//
// The test binary is submsg itself when it is run by that name (TestMain). That needs no second build, and the
// processes are built with the flags of the test, -race among them.
package e2e
