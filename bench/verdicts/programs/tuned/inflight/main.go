// Inflight remembers requests in a sync.Map until they are answered. With -leak the path of a failed request, one in
// six, returns before the entry is deleted.
package main

import (
	"flag"
	"sync"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "forget to delete failed ones")
	onset = flag.Float64("onset", 30, "tick of the first failure")
)

type call struct {
	payload []byte
	peer    string
}

type tracker struct{ calls sync.Map }

func (t *tracker) begin(id int) {
	t.calls.Store(id, &call{payload: make([]byte, 8*lab.KiB+lab.Rand.IntN(20*lab.KiB)), peer: "10.0.0.1"})
}

func (t *tracker) end(id int, failed bool) {
	if failed && *leak {
		return
	}
	t.calls.Delete(id)
}

func main() {
	lab.Start()
	t := &tracker{}
	id := 0
	lab.Forever(40, func(now float64) {
		lab.Garbage(lab.MiB / 2)
		for range 30 {
			id++
			t.begin(id)
			failed := now >= *onset && lab.Rand.IntN(6) == 0
			if failed && *leak {
				lab.Leaks(now, *onset)
			}
			// Up to 2,000 are open at a time.
			t.end(id-2000, failed)
		}
	})
}
