// Command gateway fetches streams from a backend; a pump writes each into a pipe that the handler reads. When the
// status is not 200, the handler returns without reading or closing the body, and the pump waits for a reader.
package main

import (
	"io"
	"verdicts/internal/lab"
)

type response struct {
	status int
	body   io.ReadCloser
}

//go:noinline
func pump(to *io.PipeWriter, chunks int) {
	chunk := make([]byte, 700)
	for range chunks {
		if _, err := to.Write(chunk); err != nil {
			return
		}
	}
	to.Close()
}

func fetch(status, chunks int) *response {
	from, to := io.Pipe()
	go pump(to, chunks)
	return &response{status, from}
}

func handle(status, chunks int) {
	r := fetch(status, chunks)
	if r.status != 200 {
		return
	}
	defer r.body.Close()
	io.Copy(io.Discard, r.body)
}

func main() {
	lab.Start()
	lab.Forever(120, func(now float64) {
		status := 200
		if lab.Leaks(now, 14) && lab.Rand.IntN(100) < 28 {
			status = 503
		}
		go handle(status, 2+lab.Rand.IntN(20))
		lab.Garbage(60 * lab.KiB)
	})
}
