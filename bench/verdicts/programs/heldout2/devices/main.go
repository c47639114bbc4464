// Devices remembers the last report of every device. Devices come back under new names, and old names are never dropped.
package main

import "verdicts/internal/lab"

type report struct {
	raw    []byte
	fields map[string]string
}

type registry struct{ last map[uint64]*report }

func (r *registry) update(id uint64) {
	r.last[id] = &report{
		raw:    make([]byte, 1500+lab.Rand.IntN(1500)),
		fields: map[string]string{"state": "up"},
	}
}

func main() {
	lab.Start()
	r := &registry{last: map[uint64]*report{}}
	for id := range uint64(6000) {
		r.update(id)
	}
	lab.Forever(2000, func(now float64) {
		id := lab.Rand.Uint64N(6000)
		if lab.Rand.IntN(6) == 0 && lab.Leaks(now, 30) {
			id = 6000 + lab.Rand.Uint64()>>1
		}
		r.update(id)
		lab.Garbage(18 * lab.KiB)
	})
}
