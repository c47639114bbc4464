// Reload swaps in a fresh copy of its routing table every now and then; while it loads, both copies are in memory.
package main

import "verdicts/internal/lab"

type table struct{ rows [][]byte }

func (t *table) add() { t.rows = append(t.rows, make([]byte, 32*lab.KiB)) }

func main() {
	lab.Start()
	active, next := &table{}, (*table)(nil)
	for range 4000 {
		active.add()
	}
	due, want := 20.0, 0
	lab.Forever(500, func(now float64) {
		if next == nil && now >= due {
			next, want = &table{}, 3800+lab.Rand.IntN(400)
		}
		if next != nil {
			next.add()
			if len(next.rows) >= want {
				active, next = next, nil
				due = now + 14 + lab.Rand.Float64()*10
			}
		}
		active.rows[0][0]++
		lab.Garbage(70 * lab.KiB)
	})
}
