// Backlog queues jobs for a consumer that is away twice and then works off what has piled up.
package main

import "verdicts/internal/lab"

type queue struct{ jobs [][]byte }

func (q *queue) enqueue() {
	q.jobs = append(q.jobs, make([]byte, 8*lab.KiB+lab.Rand.IntN(16*lab.KiB)))
}

func (q *queue) work(n int) {
	for ; n > 0 && len(q.jobs) > 0; n-- {
		q.jobs[0] = nil
		q.jobs = q.jobs[1:]
	}
}

func main() {
	lab.Start()
	q := &queue{}
	index := make([]byte, 40*lab.MiB)
	lab.Forever(800, func(now float64) {
		q.enqueue()
		away := now >= 35 && now < 47 || now >= 85 && now < 95
		if !away {
			q.work(2)
		}
		index[0]++
		lab.Garbage(35 * lab.KiB)
	})
}
