// Program pages reads a journal page by page and remembers the last title of each feed. The titles are slices of the
// page they were found on, so that each keeps a whole page. A fixed set of feeds is harmless; from the onset on, every
// page names a feed that was never heard of before.
package main

import (
	"bytes"
	"encoding/binary"

	"verdicts/internal/lab"
)

const (
	pageSize = 32 << 10
	feeds    = 2000
	perTick  = 40
	pages    = 24 // a turn
	onset    = 40
)

type titles struct{ last map[uint64][]byte }

func readPage(feed uint64) []byte {
	p := make([]byte, pageSize)
	binary.LittleEndian.PutUint64(p, feed)
	copy(p[8:], "a title that is short\n")
	return p
}

func (t *titles) remember(page []byte) {
	line, _, _ := bytes.Cut(page[8:], []byte("\n"))
	t.last[binary.LittleEndian.Uint64(page)] = line
}

func main() {
	lab.Start()
	t := &titles{last: map[uint64][]byte{}}
	leaking := false
	lab.Forever(perTick, func(now float64) {
		if !leaking && now >= onset {
			leaking = true
			lab.Onset()
		}
		for i := range pages {
			feed := lab.Rand.Uint64N(feeds)
			if leaking && i < 4 { // 160 a tick, 5 MiB
				feed = lab.Rand.Uint64()
			}
			t.remember(readPage(feed))
		}
	})
}
