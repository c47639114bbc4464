// Downloads fetches files whose bodies are unpacked by a goroutine into a pipe. The caller closes the body after it has
// read it, but not when the status says that the file did not change, and there the goroutine stays in its write.
package main

import (
	"bytes"
	"flag"
	"io"
	"time"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 14, "tick from which servers say not modified")

type response struct {
	status int
	body   *io.PipeReader
}

//go:noinline
func unpack(w *io.PipeWriter, length int) {
	block := bytes.Repeat([]byte("x"), 2*lab.KiB)
	for length > 0 {
		if _, err := w.Write(block); err != nil {
			return
		}
		length -= len(block)
	}
	w.Close()
}

func get(status, length int) *response {
	r, w := io.Pipe()
	go unpack(w, length)
	return &response{status, r}
}

func save(r *response, pause time.Duration) int {
	if r.status == 304 {
		return 0
	}
	defer r.body.Close()
	n, block := 0, make([]byte, 4*lab.KiB)
	for {
		k, err := r.body.Read(block)
		n += k
		if err != nil {
			return n
		}
		time.Sleep(pause)
	}
}

func main() {
	lab.Start()
	lab.Forever(60, func(now float64) {
		status := 200
		if lab.Leaks(now, *onset) && lab.Rand.IntN(100) < 42 {
			status = 304
		}
		go save(get(status, (4+lab.Rand.IntN(30))*lab.KiB), lab.Ticks(0.3))
		lab.Garbage(120 * lab.KiB)
	})
}
