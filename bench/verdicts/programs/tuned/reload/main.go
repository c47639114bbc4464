// Reload builds a second table every 40 ticks while the first still serves, and switches after five ticks.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	every = flag.Float64("every", 40, "ticks between two reloads")
	takes = flag.Float64("takes", 5, "ticks a reload takes")
	size  = flag.Int("size", 120, "MiB of a table")
)

type table struct{ entries map[int][]byte }

func (t *table) fill(n int) {
	for range n {
		t.entries[len(t.entries)] = make([]byte, 16*lab.KiB+lab.Rand.IntN(32*lab.KiB))
	}
}

func main() {
	lab.Start()
	full := *size * lab.MiB / (32 * lab.KiB)
	serving := &table{entries: map[int][]byte{}}
	serving.fill(full)
	var building *table
	next := *every / 2
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		if now >= next && building == nil {
			building = &table{entries: map[int][]byte{}}
		}
		if building == nil {
			return
		}
		// Built in the first half, checked in the second.
		for len(building.entries) < full && float64(len(building.entries)) < (now-next)/(*takes/2)*float64(full) {
			building.fill(50)
		}
		if now >= next+*takes {
			serving, building = building, nil
			next += *every
		}
	})
}
