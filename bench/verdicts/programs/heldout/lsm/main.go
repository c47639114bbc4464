// Program lsm is a storage engine: writes go to a table in memory, which is flushed every 5 ticks; what stays of a
// flushed table is its index, and a compaction merges all indexes into one every 20 ticks.
package main

import "verdicts/internal/lab"

const (
	perTick    = 40
	flush      = 5
	compaction = 4 // flushes
)

type index struct{ keys []byte }

type engine struct {
	table   [][]byte
	indexes []*index
	merged  *index
}

func (e *engine) put(size int) { e.table = append(e.table, make([]byte, size)) }

func (e *engine) flush() {
	e.indexes = append(e.indexes, &index{make([]byte, len(e.table)<<10+lab.Rand.IntN(4<<20))})
	e.table = nil
}

// compact merges by key, and as the same keys are written again and again the result is always of about one size.
func (e *engine) compact() {
	e.merged = &index{make([]byte, 24<<20+lab.Rand.IntN(3<<20))}
	e.indexes = nil
}

var block []byte

func main() {
	lab.Start()
	e := &engine{}
	e.compact()
	flushes := 0
	lab.Forever(perTick, func(now float64) {
		if n := int(now / flush); n > flushes {
			flushes = n
			e.flush()
			if n%compaction == 0 {
				e.compact()
			}
		}
		for range 10 {
			e.put(16 << 10)
		}
		block = make([]byte, 768<<10)
	})
}
