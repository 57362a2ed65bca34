package tracing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// The SDK reads the rest of the variables by itself: headers, certificates, timeouts, the sampler, batches.
const (
	endpointVar        = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	generalEndpointVar = "OTEL_EXPORTER_OTLP_ENDPOINT"
	protocolVar        = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	generalProtocolVar = "OTEL_EXPORTER_OTLP_PROTOCOL"
	exporterVar        = "OTEL_TRACES_EXPORTER"
	disabledVar        = "OTEL_SDK_DISABLED"
)

// setting is the first of the variables that is set to something, and its value.
func setting(variables ...string) (variable, value string) {
	for _, variable = range variables {
		if value = strings.TrimSpace(os.Getenv(variable)); value != "" {
			return variable, value
		}
	}
	return "", ""
}

// newExporter returns nil where the environment asks for no exporter.
func newExporter(ctx context.Context, console io.Writer) (sdk.SpanExporter, error) {
	_, disabled := setting(disabledVar)
	_, which := setting(exporterVar)
	endpoint, _ := setting(endpointVar, generalEndpointVar)
	switch {
	case strings.EqualFold(disabled, "true") || which == "none" || which == "" && endpoint == "":
		return nil, nil
	case which == "console":
		return stdouttrace.New(stdouttrace.WithWriter(console))
	case which == "" || which == "otlp":
		return newOTLP(ctx)
	}
	return nil, fmt.Errorf("%s is %q, it must be otlp, console or none", exporterVar, which)
}

func newOTLP(ctx context.Context) (sdk.SpanExporter, error) {
	if variable, protocol := setting(protocolVar, generalProtocolVar); variable != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("%s is %q, submsg speaks http/protobuf only: set it to that, "+
			"and the endpoint to the collector's port for it (4318 as a rule)", variable, protocol)
	}
	for _, variable := range []string{endpointVar, generalEndpointVar} {
		if _, endpoint := setting(variable); endpoint != "" && !isHTTP(endpoint) {
			// The error doesn't show the endpoint, because that may hold a password.
			return nil, fmt.Errorf("%s is no URL: it must be like http://localhost:4318", variable)
		}
	}
	var options []otlptracehttp.Option
	if variable, _ := setting(endpointVar, generalEndpointVar); variable == "" {
		// The standard's default endpoint is http://localhost:4318; the exporter's own default would be https.
		options = append(options, otlptracehttp.WithInsecure())
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("the variables OTEL_EXPORTER_OTLP_…: %w", err)
	}
	return exporter, nil
}

func isHTTP(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// newResource describes the process that makes the spans.
func newResource(ctx context.Context, version string) (*resource.Resource, error) {
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("submsg"), semconv.ServiceVersion(version)),
		resource.WithFromEnv()) // the environment's values replace those above
	if errors.Is(err, resource.ErrPartialResource) {
		return nil, errors.New("OTEL_RESOURCE_ATTRIBUTES must be like key1=value1,key2=value2")
	}
	return about, err
}
