// Command leakserver is a small language server that leaks in one of three
// known shapes, or, with -fixed, carries the same load without leaking. It
// serves net/http/pprof as such servers do, and drives itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"leakserver/internal/budget"
	"leakserver/internal/faulty"
	"leakserver/internal/load"
	"leakserver/internal/lsp"
)

type options struct {
	addr, healthAddr, shape  string
	fixed                    bool
	rate                     float64
	documents, documentBytes int
	maxBytes, maxGoroutines  int64
	gcEvery                  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "localhost:6060", "where pprof and the editor's messages are served")
	flag.StringVar(&o.healthAddr, "health-addr", "", "where /healthz is served for a readiness probe; empty for nowhere")
	flag.StringVar(&o.shape, "shape", "ast-cache", "ast-cache, did-change or sync-map; or a faulty target: hung, html, nothing")
	flag.BoolVar(&o.fixed, "fixed", false, "carry the same load without leaking")
	flag.Float64Var(&o.rate, "rate", 0, "events a second; 0 for the shape's own")
	flag.IntVar(&o.documents, "documents", 0, "open documents; 0 for the shape's own")
	flag.IntVar(&o.documentBytes, "document-bytes", 0, "size of a document; 0 for the shape's own")
	flag.Int64Var(&o.maxBytes, "max-bytes", 1536<<20, "stop leaking after so many bytes")
	flag.Int64Var(&o.maxGoroutines, "max-goroutines", 200_000, "stop leaking after so many goroutines or entries")
	flag.DurationVar(&o.gcEvery, "gc-every", 2*time.Second, "collect garbage this often; 0 to leave it to the runtime")
	flag.Parse()

	// As process 1 of a container nothing ends by default action, so end at once.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	failed := make(chan error, 4)
	if err := start(o, failed); err != nil {
		log.Fatal(err)
	}
	select {
	case <-stop:
	case err := <-failed:
		log.Fatal(err)
	}
}

// start sets everything going and returns; what breaks later goes into failed.
func start(o options, failed chan<- error) error {
	log.Printf("shape %s, fixed %v, pprof on %q, health on %q", o.shape, o.fixed, o.addr, o.healthAddr)
	if o.healthAddr != "" {
		l, err := net.Listen("tcp", o.healthAddr)
		if err != nil {
			return err
		}
		go func() { failed <- http.Serve(l, http.HandlerFunc(healthy)) }()
	}
	if o.shape == "nothing" {
		return nil
	}
	s, known := shapes[o.shape]
	if !known && o.shape != "hung" && o.shape != "html" {
		return fmt.Errorf("unknown shape %q", o.shape)
	}
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	switch o.shape {
	case "hung":
		go func() { failed <- faulty.Hang(l) }()
		return nil
	case "html":
		go func() { failed <- http.Serve(l, http.HandlerFunc(faulty.Page)) }()
		return nil
	}
	return serve(s, o, l, failed)
}

func serve(s shape, o options, l net.Listener, failed chan<- error) error {
	plan, err := s.planFor(o.rate, o.documents, o.documentBytes)
	if err != nil {
		return err
	}
	leak := &budget.Budget{}
	if !o.fixed {
		leak = budget.New(o.maxBytes, o.maxGoroutines)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /rpc", &lsp.Handler{Workspace: s.workspace(leak)})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	go func() { failed <- http.Serve(l, mux) }()

	editor := load.New(plan, "http://"+loopback(l.Addr())+"/rpc")
	go func() {
		if err := editor.Run(context.Background()); err != nil {
			failed <- err
		}
	}()
	if o.gcEvery > 0 {
		go collect(o.gcEvery)
	}
	return nil
}

// collect forces the regular collections that a busy server has. Profiles are as
// of the last collection, and this server, which leaks in minutes what others
// leak in days, makes little garbage beside: left alone it would collect only
// each time the heap has doubled, and between two of those no profile would
// change. A large heap is collected less often: never more than a thirtieth of the time.
func collect(every time.Duration) {
	for {
		started := time.Now()
		runtime.GC()
		time.Sleep(max(every, 30*time.Since(started)))
	}
}

// loopback returns the address at which a listener is reached from this process.
func loopback(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && !ip.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("localhost", port)
}

func healthy(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/healthz" {
		http.NotFound(w, r)
		return
	}
	fmt.Fprintln(w, "ok")
}
