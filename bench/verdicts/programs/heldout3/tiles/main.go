// Command tiles draws maps out of tiles that have finalizers, since their pixels are registered with a device. In the
// leaking one a tile and its overlay point to each other, so the finalizer never runs and neither goes.
package main

import (
	"flag"
	"runtime"
	"sync/atomic"
	"verdicts/internal/lab"
)

var registered atomic.Int64

type tile struct {
	x, y    int
	pixels  []byte
	overlay *overlay
}

type overlay struct {
	of     *tile
	labels []string
}

func release(t *tile) { registered.Add(-1) }

//go:noinline
func newTile(x, y int, linked bool) *tile {
	t := &tile{x: x, y: y, pixels: make([]byte, 24*lab.KiB+8*lab.KiB*lab.Rand.IntN(6))}
	t.overlay = &overlay{labels: make([]string, 16)}
	if linked {
		t.overlay.of = t
	}
	registered.Add(1)
	runtime.SetFinalizer(t, release)
	return t
}

type view struct {
	columns [][]*tile
	height  int
	x       int
}

func (v *view) pan(linked bool) {
	v.x++
	column := make([]*tile, v.height)
	for y := range column {
		column[y] = newTile(v.x, y, linked)
	}
	v.columns = append(v.columns, column)
}

func (v *view) trim(width int) {
	for len(v.columns) > width {
		v.columns[0] = nil
		v.columns = v.columns[1:]
	}
}

func main() {
	leak := flag.Bool("leak", false, "link overlays back")
	wide := flag.Int("wide", 25, "columns of the widest view")
	lab.Start()
	v := &view{height: 10}
	width, next := *wide/2, 0.0
	lab.Forever(10, func(now float64) {
		linked := *leak && lab.Leaks(now, 38)
		if now > next {
			next = now + 9 + 16*lab.Rand.Float64()
			if width > *wide/2 {
				width = *wide/10 + lab.Rand.IntN(*wide/5)
			} else {
				width = *wide*5/8 + lab.Rand.IntN(*wide*3/8)
			}
		}
		if len(v.columns) < width || lab.Rand.IntN(100) < 40 {
			v.pan(linked)
		}
		v.trim(max(width, len(v.columns)-6))
		lab.Garbage(700 * lab.KiB)
	})
}
