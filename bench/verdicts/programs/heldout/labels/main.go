// Program labels counts requests by label. One label carries the path as the client sent it; a crawler finds paths
// that never come again, and each makes a new time series with its buckets.
package main

import (
	"fmt"

	"verdicts/internal/lab"
)

const (
	perTick  = 30
	requests = 40 // a turn
	routes   = 6000
	onset    = 35
)

type series struct{ buckets []uint64 }

type vector struct{ byLabels map[string]*series }

func (v *vector) with(path, status string) *series {
	labels := fmt.Sprintf("path=%q,status=%q", path, status)
	s := v.byLabels[labels]
	if s == nil {
		s = &series{buckets: make([]uint64, 1024)}
		v.byLabels[labels] = s
	}
	return s
}

var body []byte

func main() {
	lab.Start()
	v := &vector{byLabels: map[string]*series{}}
	crawling, due := false, 0.0
	lab.Forever(perTick, func(now float64) {
		if !crawling && now >= onset {
			crawling = true
			lab.Onset()
		}
		for range requests {
			body = make([]byte, 32<<10)
			v.with(fmt.Sprint("/article/", lab.Rand.IntN(routes)), "200").buckets[lab.Rand.IntN(1024)]++
		}
		if crawling { // 128 a tick on average, 1 MiB, and some days more than others
			due += (0.4 + 1.2*lab.Rand.Float64()) * 128 / perTick
		}
		for ; due >= 1; due-- {
			v.with(fmt.Sprintf("/article/%x?from=crawler", lab.Rand.Uint64()), "404").buckets[0]++
		}
	})
}
