// Program memlimit is to run with the collector nearly off and a memory limit: garbage piles up to the limit and goes
// away at once. It keeps a window of the last answers and a ring of the last minute's log, both of fixed sizes.
package main

import "verdicts/internal/lab"

const perTick = 40

type ring struct {
	lines [][]byte
	next  int
}

func (r *ring) log(size int) {
	r.lines[r.next%len(r.lines)] = make([]byte, size)
	r.next++
}

func answer(size int) []byte { return make([]byte, size) }

func main() {
	lab.Start()
	r := &ring{lines: make([][]byte, 2000)}
	window := make([][]byte, 500)
	served := 0
	lab.Forever(perTick, func(float64) {
		for range 10 {
			window[served%len(window)] = answer(48<<10 + lab.Rand.IntN(64<<10))
			served++
			r.log(8<<10 + lab.Rand.IntN(8<<10))
		}
	})
}
