// Searchindex builds a new generation of its index now and then, serves the old one while it builds, and then swaps
// them. With -leak a generation stays subscribed to changes of the ranking after it was replaced: a staircase.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "never unsubscribe old generations")
	onset  = flag.Float64("onset", 30, "tick after which they stay")
	period = flag.Float64("period", 24, "ticks between reloads")
	build  = flag.Int("build", 7, "ticks that a build takes")
	size   = flag.Int("size", 80, "MiB of a generation")
)

type generation struct {
	number  int
	weights []float32
	blocks  [][]uint32
	terms   map[string]int
}

type ranking struct{ subscribers map[int]func(float32) }

//go:noinline
func (g *generation) load(bytes int) {
	for bytes > 0 {
		n := 64*lab.KiB + lab.Rand.IntN(448*lab.KiB)
		block := make([]uint32, n/4)
		for i := 0; i < len(block); i += 1024 {
			block[i] = uint32(i)
		}
		g.terms[fmt.Sprintf("term-%d-%d", g.number, len(g.blocks))] = len(g.blocks)
		g.blocks = append(g.blocks, block)
		bytes -= n
	}
}

func (g *generation) reweigh(by float32) {
	for i := range g.weights {
		g.weights[i] *= by
	}
}

func main() {
	lab.Start()
	r := &ranking{subscribers: map[int]func(float32){}}
	var serving, building *generation
	next, number, left, share := 0.0, 0, 0, 0
	lab.Forever(10, func(now float64) {
		if building == nil && now >= next {
			number++
			next = now + *period*(0.9+lab.Rand.Float64()*0.2)
			building = &generation{number: number, terms: map[string]int{}, weights: make([]float32, 1000)}
			left = *build * 10
			share = int(float64(*size*lab.MiB) * (0.8 + lab.Rand.Float64()*0.4) / float64(left))
		}
		if building != nil {
			building.load(share)
			if left--; left == 0 {
				if serving != nil && !(*leak && lab.Leaks(now, *onset)) {
					delete(r.subscribers, serving.number)
				}
				r.subscribers[building.number] = building.reweigh
				serving, building = building, nil
			}
		}
		if lab.Rand.IntN(30) == 0 {
			for _, f := range r.subscribers {
				f(1.01)
			}
		}
		for n := 0; serving != nil && n < 20; n++ {
			hits := append([]uint32(nil), serving.blocks[lab.Rand.IntN(len(serving.blocks))][:2000]...)
			hits[0]++
		}
		lab.Garbage(2 * lab.MiB)
	})
}
