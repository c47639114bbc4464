// Command leases is a service registry that keeps each lease alive from a goroutine with a ticker. The leaking one
// cancels no lease when its service is replaced by a deploy; the healthy one fills up to the size of the fleet.
package main

import (
	"context"
	"flag"
	"sync/atomic"
	"time"
	"verdicts/internal/lab"
)

type lease struct {
	service int
	renewed atomic.Int64
	cancel  context.CancelFunc
}

//go:noinline
func (l *lease) keepAlive(ctx context.Context) {
	every := time.NewTicker(lab.Ticks(6))
	defer every.Stop()
	for {
		select {
		case <-every.C:
			l.renewed.Add(1)
		case <-ctx.Done():
			return
		}
	}
}

func grant(service int) *lease {
	l := &lease{service: service}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	go l.keepAlive(ctx)
	return l
}

func main() {
	leak := flag.Bool("leak", false, "replace without cancelling")
	fleet := flag.Int("fleet", 250, "services")
	arrive := flag.Int("arrive", 6, "registrations a step until the fleet is there")
	lab.Start()
	var leases []*lease
	lab.Forever(10, func(now float64) {
		forget := *leak && lab.Leaks(now, 19)
		for range *arrive {
			// The fewer are missing, the rarer one comes.
			if lab.Rand.IntN(*fleet) > len(leases) {
				leases = append(leases, grant(len(leases)))
			}
		}
		for range 3 {
			if len(leases) == 0 {
				break
			}
			i := lab.Rand.IntN(len(leases))
			if !forget {
				leases[i].cancel()
			}
			leases[i] = grant(i)
		}
		lab.Garbage(400 * lab.KiB)
	})
}
