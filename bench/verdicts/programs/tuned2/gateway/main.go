// Gateway counts its requests by route and status. A release adds the path of the request to the labels, and paths
// contain what customers are called.
package main

import (
	"fmt"

	"verdicts/internal/lab"
)

const (
	released = 40.0
	fresh    = 1100 // new paths a tick
	perTick  = 20
)

type series struct {
	labels  string
	buckets [40]uint64
}

type registry struct{ all map[string]*series }

//go:noinline
func (r *registry) get(route, status int, path string) *series {
	labels := fmt.Sprintf("http_requests{route=%q,status=%q,path=%q}", fmt.Sprint("/v1/route/", route), fmt.Sprint(status), path)
	s := r.all[labels]
	if s == nil {
		s = &series{labels: labels}
		r.all[labels] = s
	}
	return s
}

func main() {
	lab.Start()
	r := &registry{all: map[string]*series{}}
	customer := 0
	lab.Forever(perTick, func(now float64) {
		leaking := lab.Leaks(now, released)
		for n := range 150 {
			path := ""
			if leaking && n < fresh/perTick {
				customer++
				path = fmt.Sprintf("/v1/customers/%08d/orders", customer)
			}
			s := r.get(lab.Rand.IntN(60), 200+lab.Rand.IntN(3), path)
			s.buckets[lab.Rand.IntN(len(s.buckets))]++
			if n%3 == 0 {
				lab.Garbage(6 * lab.KiB)
			}
		}
	})
}
