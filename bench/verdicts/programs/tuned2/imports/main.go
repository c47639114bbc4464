// Imports reads files, takes what is in them and forgets them; of the last two thousand it remembers the title. A
// release remembers the title of those that failed, too, as a part of the file itself and for ever.
package main

import "verdicts/internal/lab"

const (
	released = 25.0
	perTick  = 20
	failing  = 3.2 // MiB a tick
)

type importer struct {
	titles [2000]string
	failed [][]byte
	n      int
}

//go:noinline
func read(size int) []byte {
	data := make([]byte, size)
	copy(data, "title: untitled")
	return data
}

func (m *importer) done(data []byte) {
	m.titles[m.n%len(m.titles)] = string(data[:15])
	m.n++
}

func main() {
	lab.Start()
	m := &importer{}
	fail := 0.0
	lab.Forever(perTick, func(now float64) {
		if lab.Leaks(now, released) {
			fail += failing * lab.MiB / perTick
		}
		for range 10 {
			data := read((20 + lab.Rand.IntN(120)) * lab.KiB)
			if fail > 0 && lab.Rand.IntN(3) == 0 {
				fail -= float64(len(data))
				m.failed = append(m.failed, data[:15])
				continue
			}
			m.done(data)
		}
		lab.Garbage(400 * lab.KiB)
	})
}
