// Thumbs makes thumbnails and lets concurrent requests for one picture share the work. A call is forgotten when its
// thumbnail was delivered; since the last release it is not when the visitor has gone meanwhile. The work makes much
// garbage, the leak is slow.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 33, "tick of the release")

type call struct {
	waiters int
	thumb   []byte
}

type group struct{ calls map[uint64]*call }

//go:noinline
func shrink(picture []byte) []byte {
	half := make([]byte, len(picture)/2)
	for i := 0; i < len(half); i += 256 {
		half[i] = picture[2*i]
	}
	thumb := make([]byte, 12*lab.KiB+lab.Rand.IntN(26*lab.KiB))
	copy(thumb, half)
	return thumb
}

func (g *group) do(id uint64, picture []byte) *call {
	c := g.calls[id]
	if c == nil {
		c = &call{thumb: shrink(picture)}
		g.calls[id] = c
	}
	c.waiters++
	return c
}

func (g *group) deliver(id uint64) int {
	n := len(g.calls[id].thumb)
	delete(g.calls, id)
	return n
}

func fetchPicture() []byte {
	picture := make([]byte, 150*lab.KiB+lab.Rand.IntN(250*lab.KiB))
	picture[0] = 1
	return picture
}

func main() {
	lab.Start()
	g := &group{calls: map[uint64]*call{}}
	var queue []uint64
	lab.Forever(70, func(now float64) {
		id := lab.Rand.Uint64()
		g.do(id, fetchPicture())
		if lab.Leaks(now, *onset) && lab.Rand.IntN(100) < 31 {
			return
		}
		if queue = append(queue, id); len(queue) > 200 {
			g.deliver(queue[0])
			queue = queue[1:]
		}
		lab.Garbage(64 * lab.KiB)
	})
}
