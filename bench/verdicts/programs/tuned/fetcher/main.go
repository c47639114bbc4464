// Fetcher polls a server on the loopback for answers larger than what it reads of them. With -leak it does not close
// the body: the connection can not be used again and stays, with its goroutines on both sides.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "leave bodies open")
	onset = flag.Float64("onset", 20, "tick from which it does")
)

type upstream struct{ page []byte }

func (u *upstream) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(len(u.page)))
	_, _ = w.Write(u.page)
}

func fetch(client *http.Client, url string, leave bool) byte {
	response, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	var head [512]byte
	if _, err := io.ReadFull(response.Body, head[:]); err != nil {
		log.Fatal(err)
	}
	if leave {
		return head[0]
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return head[0]
}

func main() {
	lab.Start()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: &upstream{page: make([]byte, 16*lab.KiB)}}
	go func() { log.Fatal(server.Serve(listener)) }()
	url := "http://" + listener.Addr().String()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	parsed := make([]byte, 30*lab.MiB)
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		for n := range 3 {
			leave := *leak && lab.Leaks(now, *onset) && n == 0 && lab.Rand.IntN(5) < 2
			parsed[lab.Rand.IntN(len(parsed))] = fetch(client, url, leave)
		}
	})
}
