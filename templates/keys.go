package templates

// Keys tells what a key of a template's data may hold, by the rules of the channel that sends it. Its error is a
// sentence about a key that the channel doesn't have, and the type is nil then.
type Keys func(key string) (Type, error)

// Type is what a channel lets a key hold. It is asked by many goroutines at once. A reason is a sentence, and repeats
// nothing of the value; "" is none.
type Type interface {
	// String is its name, such as amount.
	String() string
	// Lists tells whether a file may list the values that the key takes.
	Lists() bool
	// Fit returns a value as it can be sent, or the reason why it can't. listed are those that the file lists, nil when
	// it lists none; truncate allows to cut a text for people that is too long.
	Fit(value string, listed []string, truncate bool) (fitting, reason string)
	// Never returns the reason why no value can be sent that holds this text, whatever stands around it.
	Never(text string) (reason string)
}
