// Program handles decodes pictures into buffers that a finalizer is to give back. A new decoder lets the buffer point
// to its owner and the owner to the buffer: a cycle with a finalizer, which the collector never frees. Beside it a
// cache of thumbnails fills up and is flushed every 14 ticks.
package main

import (
	"runtime"

	"verdicts/internal/lab"
)

const (
	perTick  = 40
	onset    = 30
	pictures = 8 // a turn
	flush    = 14
)

type buffer struct {
	pixels []byte
	owner  *decoder
}

type decoder struct{ out *buffer }

var returned int

func newBuffer(size int) *buffer {
	b := &buffer{pixels: make([]byte, size)}
	runtime.SetFinalizer(b, func(*buffer) { returned++ })
	return b
}

func decode(backlink bool) *decoder {
	d := &decoder{out: newBuffer(48<<10 + lab.Rand.IntN(64<<10))}
	if backlink {
		d.out.owner = d
	}
	return d
}

func main() {
	lab.Start()
	var thumbnails [][]byte
	flushed, n, leaking := 0, 0, false
	lab.Forever(perTick, func(now float64) {
		if !leaking && now >= onset {
			leaking = true
			lab.Onset()
		}
		if int(now/flush) > flushed {
			flushed = int(now / flush)
			thumbnails = nil
		}
		for range pictures {
			n++
			decode(leaking && n%7 == 0) // 45 a tick
		}
		thumbnails = append(thumbnails, make([]byte, 96<<10))
	})
}
