// Randomwalk holds jobs whose number wanders slowly between bounds and is drawn back to the middle.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	low  = flag.Float64("low", 100, "MiB at least")
	high = flag.Float64("high", 200, "MiB at most")
	step = flag.Float64("step", 6, "MiB, standard deviation of a tick's step")
	pull = flag.Float64("pull", 0.04, "part of the way back to the middle that a tick takes")
)

type job struct{ input []byte }

type queue struct {
	jobs  []*job
	bytes int
}

func (q *queue) submit() {
	j := &job{input: make([]byte, 8*lab.KiB+lab.Rand.IntN(48*lab.KiB))}
	q.jobs = append(q.jobs, j)
	q.bytes += len(j.input)
}

func (q *queue) finish() {
	q.bytes -= len(q.jobs[0].input)
	q.jobs[0] = nil
	q.jobs = q.jobs[1:]
}

func main() {
	lab.Start()
	q := &queue{}
	middle := (*low + *high) / 2
	level := middle
	lab.Forever(5, func(float64) {
		lab.Garbage(8 * lab.MiB)
		level += *pull / 5 * (middle - level)
		level += lab.Rand.NormFloat64() * *step * 0.447 // of a fifth of a tick
		level = min(max(level, *low), *high)
		target := int(level * lab.MiB)
		for range 100 {
			q.submit()
		}
		for q.bytes < target {
			q.submit()
		}
		for q.bytes > target {
			q.finish()
		}
	})
}
