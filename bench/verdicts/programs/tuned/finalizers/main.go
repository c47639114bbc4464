// Finalizers wraps buffers of a C library. Wrapper and owner point at each other and both have a finalizer, so the
// collector never runs either.
package main

import (
	"flag"
	"runtime"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 30, "tick from which wrappers know their owner")

type image struct {
	pixels []byte
	owner  *canvas
}

type canvas struct {
	layers []*image
	name   string
}

func newImage(size int) *image {
	i := &image{pixels: make([]byte, size)}
	runtime.SetFinalizer(i, func(i *image) { i.pixels = nil })
	return i
}

func newCanvas(size int, linked bool) *canvas {
	c := &canvas{name: "canvas"}
	runtime.SetFinalizer(c, func(c *canvas) { c.layers = nil })
	for range 3 {
		i := newImage(size)
		if linked {
			i.owner = c
		}
		c.layers = append(c.layers, i)
	}
	return c
}

func main() {
	lab.Start()
	fonts := make([]byte, 25*lab.MiB)
	lab.Forever(10, func(now float64) {
		lab.Garbage(4 * lab.MiB)
		fonts[lab.Rand.IntN(len(fonts))]++
		newCanvas(60*lab.KiB+lab.Rand.IntN(140*lab.KiB), lab.Leaks(now, *onset))
	})
}
