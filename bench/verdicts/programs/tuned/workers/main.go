// Workers has 3,000 goroutines that wait for jobs, a constant number.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var size = flag.Int("size", 3000, "workers")

func worker(jobs <-chan []byte) {
	scratch := make([]byte, 4*lab.KiB)
	for job := range jobs {
		copy(scratch, job)
	}
}

func main() {
	lab.Start()
	jobs := make(chan []byte)
	started := 0
	lab.Forever(20, func(now float64) {
		// They start over the first eight ticks.
		for started < *size && float64(started) < now/8*float64(*size) {
			go worker(jobs)
			started++
		}
		lab.Garbage(2 * lab.MiB)
		if started == 0 {
			return
		}
		for range 30 {
			jobs <- make([]byte, 4*lab.KiB)
		}
	})
}
