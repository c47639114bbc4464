// Labels counts requests in a metric vector with one child per label value.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

type child struct {
	labels  []string
	buckets []uint64
}

type vec struct{ children map[string]*child }

func newChild(key string) *child {
	return &child{labels: []string{key}, buckets: make([]uint64, 1000+lab.Rand.IntN(200))}
}

func (v *vec) with(key string) *child {
	// The candidate is built first and thrown away if the key is known already.
	fresh := newChild(key)
	if known, ok := v.children[key]; ok {
		return known
	}
	v.children[key] = fresh
	return fresh
}

func main() {
	leak := flag.Bool("leak", false, "put the request's identifier into the label")
	routes := flag.Int("routes", 3000, "different label values of the healthy kind")
	lab.Start()
	v := &vec{children: map[string]*child{}}
	serial := 0
	lab.Forever(2000, func(now float64) {
		key := fmt.Sprintf("/api/v1/route/%d", lab.Rand.IntN(*routes))
		if *leak && lab.Rand.IntN(5) == 0 && lab.Leaks(now, 30) {
			serial++
			key = fmt.Sprintf("/api/v1/order/%d", serial)
		}
		v.with(key).buckets[0]++
		lab.Garbage(8 * lab.KiB)
	})
}
