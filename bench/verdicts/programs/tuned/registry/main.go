// Registry takes a lock per tenant. A request for a suspended tenant returns without unlocking, and every later request
// for that tenant waits forever.
package main

import (
	"flag"
	"sync"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 25, "tick at which some tenants are suspended")

type tenant struct {
	mutex     sync.Mutex
	suspended bool
	state     []byte
}

func (t *tenant) update(value byte) bool {
	t.mutex.Lock()
	if t.suspended {
		return false
	}
	t.state[int(value)%len(t.state)] = value
	t.mutex.Unlock()
	return true
}

func main() {
	lab.Start()
	var tenants []*tenant
	for range 40 {
		tenants = append(tenants, &tenant{state: make([]byte, lab.MiB)})
	}
	lab.Forever(40, func(now float64) {
		lab.Garbage(lab.MiB)
		if lab.Leaks(now, *onset) {
			for n := range 7 {
				t := tenants[n]
				if t.mutex.TryLock() {
					t.suspended = true
					t.mutex.Unlock()
				}
			}
		}
		for range 3 {
			go tenants[lab.Rand.IntN(len(tenants))].update(byte(lab.Rand.IntN(256)))
		}
	})
}
