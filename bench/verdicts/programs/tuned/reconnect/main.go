// Reconnect loses its 250 streams every ten ticks and opens new ones. With -leak the readers of the old streams are
// left waiting; without, they end.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "leave the readers")

type stream struct {
	frames chan []byte
	buffer []byte
}

func connect() *stream {
	s := &stream{frames: make(chan []byte, 4), buffer: make([]byte, 16*lab.KiB)}
	go s.read()
	return s
}

func (s *stream) read() {
	for frame := range s.frames {
		copy(s.buffer, frame)
	}
}

func main() {
	lab.Start()
	streams := make([]*stream, 250)
	for n := range streams {
		streams[n] = connect()
	}
	lost := 20.0
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		for range 20 {
			streams[lab.Rand.IntN(len(streams))].frames <- make([]byte, 2*lab.KiB)
		}
		if now < lost {
			return
		}
		lost += 10
		if *leak {
			lab.Leaks(now, 20)
		}
		for n := range streams {
			if !*leak {
				close(streams[n].frames)
			}
			streams[n] = connect()
		}
	})
}
