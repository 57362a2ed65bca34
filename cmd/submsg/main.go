// Command submsg sends the messages of a Postgres table to WeChat users.
package main

import (
	"os"

	"github.com/submsg/submsg/cmd/submsg/command"
)

func main() { os.Exit(command.Main()) }
