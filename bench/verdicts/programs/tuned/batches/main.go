// Batches splits work into parts and closes the batch when all are done. A part that fails returns before Done, so the
// goroutine that waits for the batch stays, and with it the batch.
package main

import (
	"flag"
	"sync"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 20, "tick of the first failure")

type batch struct {
	parts   sync.WaitGroup
	results [][]byte
}

func (b *batch) part(n int, fails bool) {
	result := make([]byte, 400)
	if fails {
		return
	}
	b.results[n] = result
	b.parts.Done()
}

func (b *batch) finish() {
	b.parts.Wait()
	clear(b.results)
}

func run(fails bool) {
	b := &batch{results: make([][]byte, 4)}
	for n := range 4 {
		b.parts.Add(1)
		go b.part(n, fails && n == 2)
	}
	go b.finish()
}

func main() {
	lab.Start()
	rows := make([]byte, 70*lab.MiB)
	lab.Forever(60, func(now float64) {
		lab.Garbage(lab.MiB)
		rows[lab.Rand.IntN(len(rows))]++
		run(lab.Leaks(now, *onset) && lab.Rand.IntN(3) == 0)
	})
}
