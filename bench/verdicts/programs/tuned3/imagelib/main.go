// Imagelib serves images that free a native handle in a finalizer. That is fine for single images. Images of an album
// point to their album and the album to its images, and a cycle with a finalizer in it is never collected.
package main

import (
	"flag"
	"runtime"
	"sync/atomic"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 27, "tick at which albums are switched on")

type album struct {
	title  string
	images []*image
}

type image struct {
	handle int64
	pixels []byte
	album  *album
}

var handles atomic.Int64

//go:noinline
func decode(size int) *image {
	planes := make([]byte, size*2)
	for i := 0; i < len(planes); i += 1024 {
		planes[i] = byte(i)
	}
	m := &image{handle: handles.Add(1), pixels: make([]byte, size)}
	copy(m.pixels, planes)
	runtime.SetFinalizer(m, func(m *image) { handles.Add(-1) })
	return m
}

func openAlbum(pages int) *album {
	a := &album{title: "album"}
	for range pages {
		m := decode(24*lab.KiB + lab.Rand.IntN(48*lab.KiB))
		m.album = a
		a.images = append(a.images, m)
	}
	return a
}

func view(a *album) (sum int) {
	for _, m := range a.images {
		sum += int(m.pixels[0])
	}
	return sum
}

func main() {
	lab.Start()
	shown := make([]*image, 400)
	lab.Forever(40, func(now float64) {
		for range 3 {
			shown[lab.Rand.IntN(len(shown))] = decode(24*lab.KiB + lab.Rand.IntN(48*lab.KiB))
		}
		if lab.Leaks(now, *onset) && lab.Rand.IntN(40) < 7 {
			view(openAlbum(3 + lab.Rand.IntN(3)))
		}
		lab.Garbage(200 * lab.KiB)
	})
}
