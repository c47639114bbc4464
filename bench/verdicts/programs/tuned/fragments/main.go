// Fragments replaces strings of every size at random places, so what lives is scattered over spans.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	size   = flag.Int("size", 60000, "strings that live")
	phases = flag.Bool("phases", false, "change the usual size every 20 ticks")
)

type store struct{ values [][]byte }

func (s *store) replace(at, size int) { s.values[at] = make([]byte, size) }

func main() {
	lab.Start()
	s := &store{values: make([][]byte, *size)}
	usual := 10.0
	filled := 0
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		if *phases {
			usual = 10 + math.Mod(math.Floor(now/20), 3)*0.5
		}
		for ; filled < *size && float64(filled) < now/6*float64(*size); filled++ {
			s.replace(filled, int(math.Exp2(usual+lab.Rand.NormFloat64()*0.8)))
		}
		for range *size / 200 {
			s.replace(lab.Rand.IntN(*size), int(math.Exp2(usual+lab.Rand.NormFloat64()*0.8)))
		}
	})
}
