// Deadlines guards every request with a timer of a day whose closure holds the request. With -leak the timer is not
// stopped when the request has been answered.
package main

import (
	"flag"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "let the timers run on")
	onset = flag.Float64("onset", 25, "tick from which they do")
)

type request struct {
	body    []byte
	expired atomic.Bool
}

func guard(r *request) *time.Timer {
	return time.AfterFunc(24*time.Hour, func() { r.expired.Store(true) })
}

func read(size int) *request { return &request{body: make([]byte, size)} }

func main() {
	lab.Start()
	static := make([][]byte, 300)
	for n := range static {
		static[n] = make([]byte, 128*lab.KiB)
	}
	lab.Forever(40, func(now float64) {
		lab.Garbage(lab.MiB)
		for range 8 {
			timer := guard(read(4*lab.KiB + lab.Rand.IntN(16*lab.KiB)))
			static[lab.Rand.IntN(len(static))][0]++
			if !*leak || !lab.Leaks(now, *onset) {
				timer.Stop()
			}
		}
	})
}
