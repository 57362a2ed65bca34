# One static binary, no shell. Behind a slow network: --build-arg GOPROXY=… names a module mirror.
FROM golang:1.26-alpine AS build
WORKDIR /src
ARG GOPROXY
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags "-s -w -X github.com/submsg/submsg/internal/cli/version.release=${VERSION}" -o /submsg ./cmd/submsg

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /submsg /submsg
USER 65532:65532
EXPOSE 8787
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/submsg", "healthcheck"]
ENTRYPOINT ["/submsg"]
CMD ["serve"]
