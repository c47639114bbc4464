// Gateway forwards requests to a service over HTTP, on connections within the process. From -outage on the service
// refuses some requests with 503. With -leak the gateway returns on such an answer without closing its body, so neither
// side of the connection ever ends. The service takes -latency ticks; load grows until -full.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak    = flag.Bool("leak", false, "do not close the bodies of refusals")
	outage  = flag.Float64("outage", 95, "tick from which the service refuses some requests")
	latency = flag.Float64("latency", 0.3, "ticks that an answer takes")
	first   = flag.Float64("first", 40, "requests in the first tick")
	last    = flag.Float64("last", 40, "requests in a tick once load is full")
	full    = flag.Float64("full", 1, "tick at which load is full")
)

const (
	steps = 20
	most  = 400 // requests at a time, so that a hiccup does not open thousands of connections
)

var (
	errUnavailable = errors.New("service unavailable")
	errBusy        = errors.New("too many requests")
)

// pipes is a listener whose connections are pipes.
type pipes struct{ waiting chan net.Conn }

func (p *pipes) Accept() (net.Conn, error) { return <-p.waiting, nil }
func (p *pipes) Close() error              { return nil }
func (p *pipes) Addr() net.Addr            { return &net.UnixAddr{Name: "service", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.waiting <- theirs
	return ours, nil
}

type service struct{ page []byte }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(lab.Ticks(*latency))
	if r.Header.Get("Refuse") != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write(s.page[:300])
		return
	}
	w.Write(s.page)
}

type gateway struct {
	client  *http.Client
	bytes   atomic.Int64
	running atomic.Int64 // requests
}

//go:noinline
func (g *gateway) forward(refuse bool) error {
	defer g.running.Add(-1)
	if g.running.Add(1) > most {
		return errBusy
	}
	request, err := http.NewRequest("GET", "http://service/stock", nil)
	if err != nil {
		return err
	}
	if refuse {
		request.Header.Set("Refuse", "yes")
	}
	response, err := g.client.Do(request)
	if err != nil {
		return err
	}
	if *leak && response.StatusCode >= 500 {
		return errUnavailable
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	g.bytes.Add(n)
	return err
}

func main() {
	lab.Start()
	p := &pipes{waiting: make(chan net.Conn, 64)}
	go http.Serve(p, &service{page: make([]byte, 1500)})
	g := &gateway{client: &http.Client{Transport: &http.Transport{
		DialContext:         p.dial,
		MaxIdleConns:        2000,
		MaxIdleConnsPerHost: 2000,
		IdleConnTimeout:     lab.Ticks(25),
	}}}
	owed := 0.0
	lab.Forever(steps, func(now float64) {
		lab.Garbage(3 * lab.MiB / steps)
		perTick := *first + (*last-*first)*min(1, now / *full)
		for owed += perTick / steps; owed >= 1; owed-- {
			refuse := now >= *outage && lab.Rand.IntN(100) < 6
			if refuse && *leak {
				lab.Leaks(now, 0)
			}
			go g.forward(refuse)
		}
	})
}
