// Workspace indexes a large workspace when it is opened, big packages first, and then serves edits from the index.
package main

import (
	"math"

	"verdicts/internal/lab"
)

type index struct{ packages [][]byte }

func (x *index) load(size int) {
	x.packages = append(x.packages, make([]byte, size))
}

func main() {
	lab.Start()
	x := &index{}
	total := 0.0
	lab.Forever(100, func(now float64) {
		// 260 MiB in the end; the rate falls by half every six ticks.
		due := 260 * lab.MiB * (1 - math.Exp2(-max(0, now-12)/6))
		for due-total > 64*lab.KiB {
			x.load(64 * lab.KiB)
			total += 64 * lab.KiB
		}
		if len(x.packages) > 0 {
			x.packages[lab.Rand.IntN(len(x.packages))] = make([]byte, 64*lab.KiB)
		}
		lab.Garbage(500 * lab.KiB)
	})
}
