// Command mailroom reads messages and notes their ids, which are cut out of the message and so pin all of it. In the
// leaking one, threads that nobody answers stay noted for ever; the healthy one keeps two generations of ids for
// duplicate detection and drops the elder when it turns them over.
package main

import (
	"flag"
	"fmt"
	"verdicts/internal/lab"
)

//go:noinline
func receive(serial int) string {
	raw := make([]byte, 8*lab.KiB+lab.Rand.IntN(52*lab.KiB))
	copy(raw, fmt.Sprintf("<%016x.%d@mail>", lab.Rand.Uint64(), serial))
	return string(raw)
}

func id(message string) string { return message[:34] }

type generations struct {
	young, old map[string]bool
	turned     int
}

func (g *generations) see(id string) bool {
	if g.young[id] || g.old[id] {
		return true
	}
	g.young[id] = true
	return false
}

func duplicates(turn int, each int) {
	g := &generations{young: map[string]bool{}}
	serial := 0
	lab.Forever(20, func(now float64) {
		if n := int(now) / turn; n > g.turned {
			g.turned = n
			g.old, g.young = g.young, map[string]bool{}
		}
		for range each {
			serial++
			g.see(id(receive(serial)))
		}
		lab.Garbage(300 * lab.KiB)
	})
}

func threads() {
	waiting := map[string]float64{}
	serial := 0
	lab.Forever(25, func(now float64) {
		lists := lab.Leaks(now, 16)
		for range 5 {
			serial++
			thread := id(receive(serial))
			waiting[thread] = now + 1 + 6*lab.Rand.ExpFloat64()
			if lists && lab.Rand.Float64() < 0.55 {
				waiting[thread] = -1
			}
		}
		for thread, answered := range waiting {
			if answered >= 0 && answered < now {
				delete(waiting, thread)
			}
		}
		lab.Garbage(100 * lab.KiB)
	})
}

func main() {
	leak := flag.Bool("leak", false, "wait for answers that never come")
	turn := flag.Int("turn", 25, "ticks of a generation")
	each := flag.Int("each", 4, "messages a step")
	lab.Start()
	if *leak {
		threads()
	}
	duplicates(*turn, *each)
}
