//go:build !linux

package pgembed

const memoryDir = ""

func roomyMemory(string) bool { return false }
