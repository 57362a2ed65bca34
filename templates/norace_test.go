//go:build !race

package templates

const raced = false
