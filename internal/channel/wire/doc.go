// Package wire does HTTP requests and knows of each that failed whether any byte of it may have left this machine. A
// channel whose requests have no idempotency key needs to know: what certainly didn't leave can be sent again, what
// perhaps did can't.
//
// It knows no WeChat, no message and no JSON. Begin reading at wire.go, whose Client.Post sends one request; conn.go
// gathers the evidence.
//
// # What is certain
//
// Every connection counts the bytes that it was given, above TLS. A request whose connection was given no byte of it
// did not leave. Nothing is sent twice below this package: net/http is given no means to replay a request (no GetBody,
// no Idempotency-Key header), and no redirect is followed. The protocol is HTTP/1.1, with one request on a connection
// at a time, so that a connection that dies takes one request into doubt, not all of them.
//
// # Proxies
//
// HTTPS_PROXY and NO_PROXY are honoured, because an account with an IP allow list often has one fixed way out. Loopback
// addresses are never proxied, and neither are http URLs, whose proxy would read the secrets. To an https URL a proxy
// opens a tunnel, and bytes in a tunnel are not counted: such a request counts as perhaps written as soon as it has its
// connection.
package wire
