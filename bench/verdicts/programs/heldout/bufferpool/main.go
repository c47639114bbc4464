// Program bufferpool takes its buffers from a pool that grows with the number of exports at a time and shrinks when
// they are done. Exports come in waves of different heights; each wave ends within a dozen ticks.
package main

import (
	"sync"
	"time"

	"verdicts/internal/lab"
)

const perTick = 40

var buffers = sync.Pool{New: func() any { return newBuffer(128 << 10) }}

func newBuffer(size int) *[]byte {
	b := make([]byte, size)
	return &b
}

func export(takes time.Duration) {
	b := buffers.Get().(*[]byte)
	(*b)[0]++
	time.Sleep(takes)
	buffers.Put(b)
}

var row []byte

func main() {
	lab.Start()
	starts, height := 6.0, 3
	lab.Forever(perTick, func(now float64) {
		row = make([]byte, 768<<10)
		go export(lab.Ticks(1))
		at := now - starts
		if at >= 0 && at < 6 {
			for range height {
				go export(lab.Ticks(1 + 5*lab.Rand.Float64()))
			}
		}
		if at > 6 {
			starts += 13 + 12*lab.Rand.Float64()
			height = 2 + lab.Rand.IntN(6)
		}
	})
}
