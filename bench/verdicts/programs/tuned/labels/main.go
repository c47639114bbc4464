// Labels is a metrics registry. With -leak a label holds something new in every request, so series are never used
// again and never dropped: slow. -burst adds a job that needs 100 MiB for four ticks in every 25.
package main

import (
	"flag"
	"fmt"
	"math"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "label with the request's id")
	onset = flag.Float64("onset", 20, "tick from which it does")
	churn = flag.Int("churn", 30, "MiB of garbage a tick")
	burst = flag.Bool("burst", false, "run the job")
)

type series struct {
	name    string
	labels  map[string]string
	buckets [160]float64
}

type registry struct{ all map[string]*series }

func (r *registry) with(path, id string) *series {
	key := path + "|" + id
	s, ok := r.all[key]
	if !ok {
		s = &series{name: key, labels: map[string]string{"path": path, "id": id}}
		r.all[key] = s
	}
	return s
}

func report(now float64, job [][]byte) [][]byte {
	if math.Mod(now, 25) >= 4 {
		return nil
	}
	if len(job) < 100 {
		job = append(job, make([]byte, lab.MiB), make([]byte, lab.MiB), make([]byte, lab.MiB))
	}
	return job
}

func main() {
	lab.Start()
	r := &registry{all: map[string]*series{}}
	var job [][]byte
	static := make([]byte, 20*lab.MiB)
	n := 0
	lab.Forever(50, func(now float64) {
		lab.Garbage(*churn * lab.MiB / 50)
		static[lab.Rand.IntN(len(static))]++
		if *burst {
			job = report(now, job)
		}
		for range 10 {
			n++
			id := fmt.Sprint(lab.Rand.IntN(300))
			if *leak && lab.Leaks(now, *onset) {
				id = fmt.Sprint(n)
			}
			r.with("/v1/items", id).buckets[lab.Rand.IntN(160)]++
		}
	})
}
