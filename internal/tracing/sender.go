package tracing

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/submsg/submsg/outbox"
)

// other stands for every template that isn't in the catalogue.
const other = "other"

// These attributes are submsg's own, because the conventions have no words for them.
const (
	messageID = attribute.Key("submsg.message.id")      // subMsgList.id
	attempt   = attribute.Key("submsg.message.attempt") // 1 for the first
	dueToSend = attribute.Key("submsg.due_to_send")     // seconds from when it could be sent to when its send began
	outcome   = attribute.Key("submsg.outcome")         // accepted, refused, later, halt or unknown
	errcode   = attribute.Key("submsg.errcode")         // WeChat's, if it answered
)

// sender makes a span of each send that goes through another Sender.
type sender struct {
	outbox.Sender
	*Tracing
}

// Send names and describes the span by OpenTelemetry's conventions for messaging: the system is WeChat, the destination
// is a template. The span's kind is client, because WeChat isn't told of the trace, so no span can follow.
func (s sender) Send(ctx context.Context, c outbox.Claimed) (v outbox.Verdict) {
	template := s.template(c.TemplateID)
	if template == "" {
		template = other
	}
	about := append(make([]attribute.KeyValue, 0, 7),
		semconv.MessagingSystemKey.String("wechat"),
		semconv.MessagingOperationName("send"),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(template),
		messageID.Int64(c.ID),
		attempt.Int(c.Attempt))
	if !c.Due.IsZero() {
		about = append(about, dueToSend.Float64(max(0, time.Since(c.Due).Seconds())))
	}
	ctx = propagation.TraceContext{}.Extract(ctx, header(c.TraceParent))
	ctx, span := s.tracer.Start(ctx, "send "+template,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	// If End were deferred by itself, it would add the text of a panic to the span, and that may hold anything.
	defer func() {
		judge(span, v)
		span.End()
	}()
	return s.Sender.Send(ctx, c)
}

// judge writes into the span what became of the send. The verdict of a panic is unknown, as package outbox judges it.
// A send whose message is tried again is no error: the last send of the message tells.
func judge(span trace.Span, v outbox.Verdict) {
	if !span.IsRecording() {
		return
	}
	became := v.Outcome.String()
	failure := became
	said := append(make([]attribute.KeyValue, 0, 4), outcome.String(became))
	if v.MsgID != 0 {
		said = append(said, semconv.MessagingMessageID(strconv.FormatInt(v.MsgID, 10)))
	}
	if v.Code != nil {
		said = append(said, errcode.Int64(int64(*v.Code)))
		failure = strconv.Itoa(int(*v.Code))
	}
	if v.Outcome == outbox.Refused || v.Outcome == outbox.Unknown {
		said = append(said, semconv.ErrorTypeKey.String(failure))
		span.SetStatus(codes.Error, became)
	}
	span.SetAttributes(said...)
}

// header is a traceparent as the propagator reads it.
type header string

func (h header) Get(key string) string {
	if key == "traceparent" {
		return string(h)
	}
	return ""
}

func (header) Set(string, string) {}

func (header) Keys() []string { return []string{"traceparent"} }
