package fakewechat

import (
	"regexp"
	"strings"

	"github.com/submsg/submsg/templates"
)

type listOK struct {
	status
	Data []listed `json:"data"`
}

// listed is a template as gettemplate shows it.
type listed struct {
	ID      string `json:"priTmplId"`
	Title   string `json:"title"`
	Content string `json:"content"`
	Example string `json:"example"`
	Enums   []enum `json:"keywordEnumValueList,omitempty"`
	Type    int    `json:"type"`
}

type enum struct {
	Values []string `json:"enumValueList"`
	Key    string   `json:"keywordCode"`
}

// oneTime is the type of a template whose every send needs a permission, as the fake's all do.
const oneTime = 2

func (s *Server) getTemplate(q *request) (any, *refusal) {
	if no := s.tokens.check(q.query); no != nil {
		return nil, no
	}
	if no := s.quota.take(GetTemplatePath); no != nil {
		return nil, no
	}
	list := listOK{fine, []listed{}}
	for _, t := range s.o.Templates().All() {
		list.Data = append(list.Data, listedAs(t))
	}
	return list, nil
}

func listedAs(t *templates.Template) listed {
	l := listed{ID: t.ID, Title: t.Title, Type: oneTime}
	for _, f := range t.Fields {
		sample := samples[f.Type.String()]
		if len(f.Values) > 0 {
			sample = f.Values[0]
			l.Enums = append(l.Enums, enum{f.Values, f.Key + ".DATA"})
		}
		l.Content += label(f) + ":{{" + f.Key + ".DATA}}\n"
		l.Example += label(f) + ":" + sample + "\n"
	}
	return l
}

var shown = regexp.MustCompile(`\{([^{}]+)\}`)

// label is what a user reads before the value. A template file does not say it, so it is named after the
// parameters, or after the key where the value is fixed.
func label(f templates.Field) string {
	var names []string
	for _, found := range shown.FindAllStringSubmatch(f.Value, -1) {
		names = append(names, found[1])
	}
	if names == nil {
		return f.Key
	}
	return strings.Join(names, "、")
}

// samples are values that the checks let pass, by type.
var samples = map[string]string{
	"thing":            "生椰拿铁",
	"letter":           "ABC",
	"symbol":           "***",
	"character_string": "VIP20211128001",
	"phone_number":     "0766-66888866",
	"phrase":           "配送中",
	"name":             "张三",
	"car_number":       "粤A8Z888挂",
	"number":           "88",
	"amount":           "￥100",
	"time":             "2019年10月1日 15:01",
	"date":             "2019年10月1日",
	"enum":             "是",
}
