// Batchjob sorts a big table for some ticks, gives it all back and rests; no two runs are the same size or length.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	least = flag.Int("least", 100, "MiB of the smallest run")
	most  = flag.Int("most", 300, "MiB of the biggest")
	rest  = flag.Float64("rest", 25, "ticks between two runs, about")
)

type table struct{ rows [][]byte }

func (t *table) load(size int) {
	for size > 0 {
		row := make([]byte, 16*lab.KiB+lab.Rand.IntN(480*lab.KiB))
		t.rows = append(t.rows, row)
		size -= len(row)
	}
}

func main() {
	lab.Start()
	static := make([]byte, 40*lab.MiB)
	var t *table
	var steps int
	next, end := 10.0, 0.0
	lab.Forever(10, func(now float64) {
		lab.Garbage(4 * lab.MiB)
		static[lab.Rand.IntN(len(static))]++
		if t == nil && now >= next {
			t = &table{}
			length := 3 + 7*lab.Rand.Float64()
			end = now + length
			next = end + *rest*(0.7+0.6*lab.Rand.Float64())
			steps = (*least + lab.Rand.IntN(*most-*least)) / 10
		}
		switch {
		case t == nil:
		case now >= end:
			t = nil
		case steps > 0:
			// Two ticks or so of loading.
			for n := 0; n < 2 && steps > 0; n++ {
				t.load(10 * lab.MiB)
				steps--
			}
		}
	})
}
