// Scheduler runs batches of jobs, each job under a context of its own that carries its input and that shutdown
// cancels. From -replicas on another replica has taken some jobs of a batch, and this one skips them. With -leak
// skipping a job does not cancel its context, so that the parent goes on knowing it, and it its input.
package main

import (
	"context"
	"flag"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "do not cancel skipped jobs")
	replicas = flag.Float64("replicas", 28, "tick from which another replica takes jobs")
	gap      = flag.Float64("gap", 14, "ticks between batches, roughly")
	batch    = flag.Int("batch", 700, "jobs in a batch, roughly")
	lasts    = flag.Float64("lasts", 4, "ticks that a job takes at most")
)

const steps = 20

type inputKey struct{}

type job struct {
	ctx    context.Context
	cancel context.CancelFunc
	taken  bool // by another replica
	lasts  time.Duration
}

type scheduler struct {
	base context.Context
	done atomic.Int64
}

//go:noinline
func (s *scheduler) input() []byte {
	input := make([]byte, 32*lab.KiB+lab.Rand.IntN(64*lab.KiB))
	input[0] = 1
	return input
}

//go:noinline
func (s *scheduler) prepare(taken bool) *job {
	j := &job{taken: taken, lasts: lab.Ticks(*lasts * (0.2 + 0.8*lab.Rand.Float64()))}
	j.ctx, j.cancel = context.WithCancel(context.WithValue(s.base, inputKey{}, s.input()))
	return j
}

func (s *scheduler) run(j *job) {
	if j.taken {
		time.Sleep(lab.Ticks(0.5)) // until the lock of the job is refused
		if !*leak {
			j.cancel()
		}
		return
	}
	defer j.cancel()
	select {
	case <-time.After(j.lasts):
	case <-j.ctx.Done():
	}
	s.done.Add(int64(len(j.ctx.Value(inputKey{}).([]byte))))
}

func main() {
	lab.Start()
	base, stop := context.WithCancel(context.Background())
	defer stop()
	s := &scheduler{base: base}
	next, left := 3.0, 0
	lab.Forever(steps, func(now float64) {
		lab.Garbage(5 * lab.MiB / steps)
		if now >= next {
			left = *batch * (60 + lab.Rand.IntN(80)) / 100
			next = now + *gap*(0.6+0.8*lab.Rand.Float64())
		}
		// A batch is read within two ticks or so, and single jobs come at any time.
		n := min(left, *batch/(2*steps))
		left -= n
		if lab.Rand.IntN(4) == 0 {
			n++
		}
		for range n {
			taken := now >= *replicas && lab.Rand.IntN(100) < 37
			if taken && *leak {
				lab.Leaks(now, 0)
			}
			go s.run(s.prepare(taken))
		}
	})
}
