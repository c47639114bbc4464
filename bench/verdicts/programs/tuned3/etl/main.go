// Etl loads a table for its joins, which takes a while, and then joins batch after batch with it. With -crash the
// supervisor starts it anew in the middle, and it loads the table again.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	size   = flag.Int("size", 220, "MiB of the table")
	load   = flag.Float64("load", 48, "ticks that the load takes")
	crash  = flag.Float64("crash", 0, "tick of the crash")
	faster = flag.Float64("reload", 0, "ticks that the load takes after the crash")
	again  = flag.Bool("again", false, "this is after the crash")
)

type row struct {
	key     uint64
	columns []byte
}

type dimension struct {
	rows []row
	size int
}

//go:noinline
func (d *dimension) insert(key uint64) {
	columns := make([]byte, 3*lab.KiB)
	columns[0] = byte(key)
	d.rows = append(d.rows, row{key, columns})
	d.size += len(columns)
}

func (d *dimension) join(batch []uint64) []row {
	var out []row
	for _, key := range batch {
		out = append(out, d.rows[key%uint64(len(d.rows))])
	}
	return out
}

func main() {
	lab.Start()
	d := &dimension{}
	duration := *load
	if *again {
		duration = *faster
	}
	batch := make([]uint64, 3000)
	lab.Forever(20, func(now float64) {
		target := int(float64(*size*lab.MiB) * min(1, now/duration))
		for d.size < target {
			d.insert(lab.Rand.Uint64())
		}
		if len(d.rows) > 0 {
			for i := range batch {
				batch[i] = lab.Rand.Uint64()
			}
			d.join(batch)
		}
		lab.Garbage(lab.MiB)
		if *crash > 0 && !*again && now > *crash {
			lab.Restart("-again")
		}
	})
}
