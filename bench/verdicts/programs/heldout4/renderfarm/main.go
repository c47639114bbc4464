// Renderfarm renders frames: each frame is two tiles, and a goroutine that waits for them and puts them together.
// Tiles wait for a free slot. Orders come in waves, so a backlog builds up and is worked off. From -textures on some
// frames lack a texture, and their second tile is given up. With -leak giving a tile up forgets to say Done.
package main

import (
	"flag"
	"sync"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "return from a broken tile without Done")
	textures = flag.Float64("textures", 60, "tick from which frames lack textures")
	wave     = flag.Float64("wave", 30, "ticks from one rush of orders to the next")
	busy     = flag.Float64("busy", 0.45, "share of a wave in which orders outrun the farm")
	rush     = flag.Int("rush", 24, "frames ordered in a tick of a rush")
)

const (
	steps = 20
	quiet = 8  // frames ordered in a tick otherwise
	slots = 36 // tiles at a time, each taking a tick
)

type frame struct {
	tiles  sync.WaitGroup
	broken bool
	lines  [2][]byte
}

type farm struct {
	slots chan struct{}
	done  atomic.Int64
}

//go:noinline
func (f *farm) render(fr *frame, tile int) {
	f.slots <- struct{}{}
	defer func() { <-f.slots }()
	if fr.broken && tile == 1 {
		time.Sleep(lab.Ticks(0.3))
		if *leak {
			return
		}
		fr.tiles.Done()
		return
	}
	time.Sleep(lab.Ticks(1))
	fr.lines[tile] = make([]byte, 2*lab.KiB)
	fr.tiles.Done()
}

//go:noinline
func (f *farm) assemble(fr *frame) {
	fr.tiles.Wait()
	f.done.Add(int64(len(fr.lines[0]) + len(fr.lines[1])))
}

//go:noinline
func (f *farm) order(broken bool) {
	fr := &frame{broken: broken}
	fr.tiles.Add(2)
	go f.render(fr, 0)
	go f.render(fr, 1)
	go f.assemble(fr)
}

func main() {
	lab.Start()
	f := &farm{slots: make(chan struct{}, slots)}
	owed := 0.0
	lab.Forever(steps, func(now float64) {
		lab.Garbage(4 * lab.MiB / steps)
		perTick := float64(quiet)
		if phase := now / *wave; phase-float64(int(phase)) < *busy {
			perTick = float64(*rush)
		}
		for owed += perTick / steps; owed >= 1; owed-- {
			broken := now >= *textures && lab.Rand.IntN(100) < 38
			if broken && *leak {
				lab.Leaks(now, 0)
			}
			f.order(broken)
		}
	})
}
