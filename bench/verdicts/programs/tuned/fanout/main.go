// Fanout asks a backend in a goroutine and waits for the answer or the deadline. With -leak the goroutine of a request
// that has timed out stays in its send; without, the channel has room for one answer.
package main

import (
	"context"
	"flag"
	"time"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "send without room")
	onset = flag.Float64("onset", 20, "tick from which requests time out")
)

type answer struct{ body []byte }

func ask(ctx context.Context, room int, takes time.Duration) *answer {
	answers := make(chan *answer, room)
	go query(answers, takes)
	select {
	case a := <-answers:
		return a
	case <-ctx.Done():
		return nil
	}
}

func query(answers chan<- *answer, takes time.Duration) {
	time.Sleep(takes)
	answers <- &answer{body: make([]byte, 2*lab.KiB)}
}

func main() {
	lab.Start()
	room := 1
	if *leak {
		room = 0
	}
	table := make([]byte, 40*lab.MiB)
	lab.Forever(60, func(now float64) {
		lab.Garbage(lab.MiB / 2)
		table[lab.Rand.IntN(len(table))]++
		takes := lab.Ticks(min(lab.Rand.ExpFloat64()*0.3, 0.8))
		if now >= *onset && lab.Rand.IntN(3) == 0 {
			takes += lab.Ticks(1.5)
		}
		if *leak {
			lab.Leaks(now, *onset)
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), lab.Ticks(1))
			defer cancel()
			ask(ctx, room, takes)
		}()
	})
}
