// Ledger books payments, each under the lock of the accounts, some also at a bank. A report that takes the lock for long
// and a bank that is slow for a while let payments pile up, and all of them get through. With -leak an error path of
// the report returns with the lock taken.
package main

import (
	"flag"
	"sync"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "the lock stays taken")

const broken = 45.0

type accounts struct {
	mu      sync.Mutex
	balance map[uint64]int64
}

//go:noinline
func (a *accounts) book(id uint64, details []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.balance[id] += int64(len(details))
}

type bank struct {
	lines chan struct{}
	sent  atomic.Int64
}

//go:noinline
func (b *bank) transfer(details []byte) {
	select {
	case b.lines <- struct{}{}:
	case <-time.After(lab.Ticks(200)):
		return
	}
	time.Sleep(lab.Ticks(0.05))
	b.sent.Add(int64(len(details)))
	<-b.lines
}

//go:noinline
func payment() []byte { return make([]byte, 6*lab.KiB) }

func main() {
	lab.Start()
	a := &accounts{balance: map[uint64]int64{}}
	b := &bank{lines: make(chan struct{}, 40)}
	report := func(ticks float64) {
		a.mu.Lock()
		if ticks > 0 {
			time.AfterFunc(lab.Ticks(ticks), a.mu.Unlock)
		}
	}
	// The slow bank is one whose lines are all taken by something else.
	jam := func(ticks float64) {
		for range cap(b.lines) {
			b.lines <- struct{}{}
		}
		time.AfterFunc(lab.Ticks(ticks), func() {
			for range cap(b.lines) {
				<-b.lines
			}
		})
	}
	type event struct {
		at float64
		do func()
	}
	events := []event{{22, func() { report(13) }}, {66, func() { jam(16) }}}
	if *leak {
		events = []event{{16, func() { report(7) }}, {broken, func() { report(0) }}}
	}
	bookings, transfers := 0.0, 0.0
	lab.Forever(20, func(now float64) {
		if len(events) > 0 && now >= events[0].at {
			events[0].do()
			events = events[1:]
		}
		if *leak {
			lab.Leaks(now, broken)
		}
		rate, away := 24.0, 38.0
		if *leak {
			rate, away = 18, 25
		}
		for bookings += rate / 20; bookings >= 1; bookings-- {
			go a.book(lab.Rand.Uint64N(5000), payment())
		}
		for transfers += away / 20; transfers >= 1; transfers-- {
			go b.transfer(payment())
		}
		lab.Garbage(lab.MiB)
	})
}
