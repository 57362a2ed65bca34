//go:build !race

package wechat

const raced = false
