package templates

import "embed"

// FS is the shipped template files. Their keys are WeChat's.
//
//go:embed *.yaml
var FS embed.FS
