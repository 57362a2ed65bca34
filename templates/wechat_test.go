package templates_test

import (
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/templates"
)

func init() { templates.WeChatKeys = fields.Keys }
