// Tiles serves map tiles. Regions are loaded into memory whole, at the pace of the disk, as the plan says: at the start,
// or when a country is added later. A region that is there stays, and no more come than the plan has.
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"

	"verdicts/internal/lab"
)

var plan = flag.String("plan", "4:10:70", "regions, as from:ticks:MiB,…")

type region struct{ from, ticks, mib float64 }

type tile struct {
	key    uint64
	pixels []byte
}

type atlas struct {
	tiles map[uint64]*tile
	keys  []uint64
}

//go:noinline
func (a *atlas) load(size int) {
	t := &tile{key: lab.Rand.Uint64(), pixels: make([]byte, size)}
	t.pixels[0] = byte(t.key)
	a.tiles[t.key] = t
	a.keys = append(a.keys, t.key)
}

func (a *atlas) serve() {
	size := 8 * lab.KiB
	if len(a.keys) > 0 {
		size = len(a.tiles[a.keys[lab.Rand.IntN(len(a.keys))]].pixels)
	}
	lab.Garbage(2 * size)
}

func main() {
	lab.Start()
	var regions []region
	for _, s := range strings.Split(*plan, ",") {
		var r region
		if _, err := fmt.Sscanf(s, "%f:%f:%f", &r.from, &r.ticks, &r.mib); err != nil {
			log.Fatal(err)
		}
		regions = append(regions, r)
	}
	a := &atlas{tiles: map[uint64]*tile{}}
	loaded := 0.0
	lab.Forever(20, func(now float64) {
		due := 0.0
		for _, r := range regions {
			due += r.mib * lab.MiB * min(1, max(0, (now-r.from)/r.ticks))
		}
		for loaded < due {
			size := (12 + lab.Rand.IntN(40)) * lab.KiB
			a.load(size)
			loaded += float64(size)
		}
		for range 16 {
			a.serve()
		}
	})
}
