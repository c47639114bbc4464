// Scheduler launches jobs in bursts, each with a cancelable context of its own below that of the application. A rewrite
// of the retries calls cancel only for jobs that fail: the others stay children of the root context, with their input.
package main

import (
	"context"
	"flag"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 44, "tick of the rewrite")

type input struct{}

type job struct {
	ctx    context.Context
	cancel context.CancelFunc
	left   int
	fails  bool
}

//go:noinline
func newInput(size int) []byte {
	in := make([]byte, size)
	in[0] = 1
	return in
}

func launch(root context.Context, in []byte) *job {
	j := &job{left: 5 + lab.Rand.IntN(30), fails: lab.Rand.IntN(20) == 0}
	j.ctx, j.cancel = context.WithCancel(context.WithValue(root, input{}, in))
	return j
}

func (j *job) step() bool {
	in := j.ctx.Value(input{}).([]byte)
	scratch := append([]byte(nil), in...)
	scratch[0]++
	j.left--
	return j.left == 0 || j.ctx.Err() != nil
}

func main() {
	lab.Start()
	root, stop := context.WithCancel(context.Background())
	defer stop()
	var running []*job
	burst, step := 0, 0
	lab.Forever(20, func(now float64) {
		late := lab.Leaks(now, *onset)
		if step++; step%90 == 0 {
			burst = 100 + lab.Rand.IntN(180)
		}
		n := 1 + lab.Rand.IntN(2)
		if burst > 0 {
			n += 8
			burst -= 8
		}
		for range n {
			running = append(running, launch(root, newInput(8*lab.KiB+lab.Rand.IntN(44*lab.KiB))))
		}
		kept := running[:0]
		for _, j := range running {
			if !j.step() {
				kept = append(kept, j)
			} else if !late || j.fails {
				j.cancel()
			}
		}
		clear(running[len(kept):])
		running = kept
		lab.Garbage(250 * lab.KiB)
	})
}
