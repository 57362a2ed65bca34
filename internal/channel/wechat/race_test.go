//go:build race

package wechat

// raced: the race detector allocates, too.
const raced = true
