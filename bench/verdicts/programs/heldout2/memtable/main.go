// Memtable takes writes into memory and flushes the table when it is full, as stores built on sorted runs do.
package main

import "verdicts/internal/lab"

type store struct {
	table [][]byte
	size  int
}

func (s *store) put(value []byte) {
	s.table = append(s.table, value)
	s.size += len(value)
	if s.size > 96*lab.MiB {
		s.table, s.size = nil, 0
	}
}

func main() {
	lab.Start()
	s := &store{}
	lab.Forever(1000, func(float64) {
		s.put(make([]byte, 4*lab.KiB+lab.Rand.IntN(8*lab.KiB)))
		lab.Garbage(25 * lab.KiB)
	})
}
