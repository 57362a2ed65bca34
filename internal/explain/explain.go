// Package explain holds what a person is told, in Chinese and in English: why a message failed or waits and what to do
// about it, the words for the statuses, the refusals of the guard. It is the one place where both tongues stand, and
// Text is the one way to choose between them.
//
// It knows no channel, no command and one table: Publish writes the causes into subMsgCause, so that the views say the
// same words.
//
// Begin reading at wechat.go for an errcode of WeChat, at kinds.go for what submsg itself found out, at waits.go for
// the reasons why a message waits.
package explain

import (
	"fmt"
	"strings"
)

// Tongue is a language that submsg speaks.
type Tongue int

// The tongues. English is the zero Tongue.
const (
	English Tongue = iota
	Chinese
)

// Text is a sentence in both tongues. Both take the same arguments, in the way of fmt.Sprintf.
type Text struct{ ZH, EN string }

// In returns the text in one tongue.
func (t Text) In(tongue Tongue, args ...any) string {
	text := t.EN
	if tongue == Chinese {
		text = t.ZH
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Cause is why a message failed or waits, and what a person can do.
type Cause struct{ Why, NextStep Text }

// Kind is submsg's own word for what happened to a message, where WeChat's errcode doesn't say it. It is stored in the
// column errKind.
type Kind string

// CauseOf finds the cause of a message or a pause by submsg's own kind, or where there is none by WeChat's errcode. An
// errcode that nobody has written down has a cause, too. A row with neither has none, nor has WeChat's errcode 0.
func CauseOf(errCode *int32, kind Kind) (Cause, bool) {
	if cause, ok := Kinds[kind]; ok || errCode == nil {
		return cause, ok
	}
	if cause, ok := WeChat[*errCode]; ok || *errCode == 0 {
		return cause, ok
	}
	unlisted := WeChatUnlisted
	unlisted.Why.ZH += fmt.Sprintf(" %d", *errCode)
	unlisted.Why.EN += fmt.Sprintf(" %d", *errCode)
	return unlisted, true
}

// Written is the cause of a failed message that has neither an errcode nor a kind, because a person or an application
// has written its outcome: what sendStatusMsg says, without the details in parentheses.
func Written(sendStatusMsg string) Cause {
	cause := Unrecorded
	if said, _, _ := strings.Cut(sendStatusMsg, " ("); said != "" {
		cause.Why = Text{said, said}
	}
	return cause
}
