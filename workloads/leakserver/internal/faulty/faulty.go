// Package faulty holds the targets that a sampler must survive: a port that
// accepts and never answers, and one that answers everything with a web page.
package faulty

import (
	"io"
	"net"
	"net/http"
)

// Hang accepts every connection, reads what comes and never answers.
func Hang(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}()
	}
}

// Page answers every path with 200 and HTML, as a login wall or a web
// application with a catch-all route does.
func Page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n")
}
