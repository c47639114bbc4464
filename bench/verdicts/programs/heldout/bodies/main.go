// Program bodies asks a report service over HTTP, all in memory. When the service begins to answer some requests with
// an error, the client returns early and does not close the body of the answer: the connection and the goroutines on
// both of its ends stay for ever.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"verdicts/internal/lab"
)

const (
	perTick = 20
	onset   = 30
	asks    = 2 // a turn
)

// wire is a listener and dialer without sockets.
type wire chan net.Conn

func (w wire) Accept() (net.Conn, error) { return <-w, nil }
func (w wire) Close() error              { return nil }
func (w wire) Addr() net.Addr            { return &net.UnixAddr{Name: "wire", Net: "unix"} }

func (w wire) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	w <- far
	return near, nil
}

func report(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("broken") != "" {
		w.WriteHeader(http.StatusBadGateway)
	}
	line := make([]byte, 8<<10)
	for range 32 {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

func fetch(c *http.Client, query string) error {
	answer, err := c.Get("http://reports/" + query)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the report service says %s", answer.Status)
	}
	defer answer.Body.Close()
	_, err = io.ReadAll(answer.Body)
	return err
}

func main() {
	lab.Start()
	w := make(wire)
	go func() { log.Fatal(http.Serve(w, http.HandlerFunc(report))) }()
	c := &http.Client{Transport: &http.Transport{DialContext: w.dial, MaxIdleConnsPerHost: 8}}
	known := make([][]byte, 40) // reports that were read before
	for i := range known {
		known[i] = make([]byte, 1<<20)
	}
	turn, broken := 0, false
	lab.Forever(perTick, func(now float64) {
		if !broken && now >= onset {
			broken = true
			lab.Onset()
		}
		turn++
		known[turn%len(known)][0]++
		for range asks {
			_ = fetch(c, "")
		}
		if broken && turn%5 < 2 { // 8 a tick
			_ = fetch(c, "?broken=yes")
		}
	})
}
