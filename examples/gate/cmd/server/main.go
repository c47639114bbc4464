// Command server serves sessions over HTTP, and pprof beside them.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	_ "net/http/pprof"

	"example.com/editor/sessions"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:6060", "where sessions and pprof are served")
	flag.Parse()

	store := sessions.New()
	http.HandleFunc("PUT /sessions/{name}", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		store.Open(r.PathValue("name"), text)
	})
	http.HandleFunc("DELETE /sessions/{name}", func(w http.ResponseWriter, r *http.Request) {
		store.Close(r.PathValue("name"))
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}
