package conventions

import (
	"go/ast"
	"slices"
	"testing"
)

// listening are the ways to open a listener, by package.
var listening = map[string][]string{
	"net":  list("Listen ListenTCP ListenUnix ListenConfig FileListener"),
	"tls":  list("Listen NewListener"),
	"http": list(`Server Serve ServeTLS ListenAndServe ListenAndServeTLS`),
}

// mayListen are the files that do so, and why.
var mayListen = map[string]string{
	"internal/httpserver/server.go":       "all others listen by it",
	"internal/lab/pgembed/endpoint.go":    "finds a free port, and accepts nobody",
	"internal/lab/rawserver/rawserver.go": "answers in tests what no HTTP server would",
}

// Every listener is one of internal/httpserver, so that none forgets its bounds, whose name it is called by, and from
// which pages. Tests may have others.
func TestListeners(t *testing.T) {
	for _, s := range goFiles(t) {
		if _, may := mayListen[s.path()]; may || s.test {
			continue
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			if call, ok := node.(*ast.SelectorExpr); ok {
				if from, ok := call.X.(*ast.Ident); ok && slices.Contains(listening[from.Name], call.Sel.Name) {
					t.Errorf("%s:%d: %s.%s: listen by internal/httpserver", s.path(), s.line(call.Pos()), from.Name,
						call.Sel.Name)
				}
			}
			return true
		})
	}
}
