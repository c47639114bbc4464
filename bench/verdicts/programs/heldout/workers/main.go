// Program workers has thousands of goroutines that wait: a fixed number of workers for each of its queues, started
// within the first five ticks. Jobs wake a few of them at a time.
package main

import "verdicts/internal/lab"

const (
	queues  = 50
	each    = 60
	perTick = 40
	ticks   = 5
)

type queue struct{ jobs chan int }

func (q *queue) work() {
	state := make([]byte, 16<<10)
	for size := range q.jobs {
		result := make([]byte, size)
		copy(state, result)
	}
}

func main() {
	lab.Start()
	var all []*queue
	lab.Forever(perTick, func(now float64) {
		for len(all) < queues && len(all) <= int(queues*now/ticks) {
			q := &queue{jobs: make(chan int, 8)}
			for range each {
				go q.work()
			}
			all = append(all, q)
		}
		for range 8 {
			all[lab.Rand.IntN(len(all))].jobs <- 64<<10 + lab.Rand.IntN(64<<10)
		}
	})
}
