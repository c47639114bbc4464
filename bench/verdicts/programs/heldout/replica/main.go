// Program replica keeps what its follower has not confirmed. From time to time the follower lags, the backlog grows,
// and when it catches up the backlog is let go. A backlog of 160 MiB drops the follower, which then starts anew.
package main

import "verdicts/internal/lab"

const (
	perTick = 40
	limit   = 160 << 20
)

type backlog struct {
	entries [][]byte
	bytes   int
}

func (b *backlog) add(size int) {
	b.entries = append(b.entries, make([]byte, size))
	b.bytes += size
}

func (b *backlog) confirm(n int) {
	for ; n > 0 && len(b.entries) > 0; n-- {
		b.bytes -= len(b.entries[0])
		b.entries[0] = nil
		b.entries = b.entries[1:]
	}
}

func main() {
	lab.Start()
	b := &backlog{}
	lagsFrom, lagsTo := 12.0, 20.0
	lab.Forever(perTick, func(now float64) {
		for range 14 { // 560 a tick, 17 MiB
			b.add(16<<10 + lab.Rand.IntN(32<<10))
		}
		lags := now >= lagsFrom && now < lagsTo
		switch {
		case b.bytes > limit:
			*b = backlog{}
			lagsTo = now
		case !lags:
			b.confirm(14 + 40)
		}
		if now >= lagsTo {
			lagsFrom = now + 6 + 14*lab.Rand.Float64()
			lagsTo = lagsFrom + 3 + 8*lab.Rand.Float64()
		}
	})
}
