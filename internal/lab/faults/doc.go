// Package faults is the suite that kills, cuts, freezes and lies, and then compares the fake WeChat's ledger with the
// table: nothing lost, nothing sent twice, no false word in a row.
//
//	go test -tags faults ./internal/lab/faults -v                              # short, as in CI
//	go test -tags faults ./internal/lab/faults -v -timeout 0 -cycles 1000      # long
//
// It runs real submsg processes, built with failpoints. Each run prints its seed; -seed replays its choices.
// README.md in this folder says what each test does. The suite knows submsg from outside only. Begin with lab_test.go,
// then crash_test.go.
package faults
