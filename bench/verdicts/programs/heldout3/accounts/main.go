// Command accounts locks an account for each transfer. The leaking one returns from a refused transfer with the lock
// held, and later transfers of that account wait for ever: few at first, more and more. In the healthy one the
// settlement holds the book for a while, transfers pile up behind it, and go when it is done.
package main

import (
	"flag"
	"sync"
	"time"
	"verdicts/internal/lab"
)

type account struct {
	mu      sync.Mutex
	balance int64
}

type bank struct {
	book     sync.RWMutex
	accounts [160]account
}

//go:noinline
func (b *bank) transfer(n int, refused bool, takes time.Duration) {
	b.book.RLock()
	defer b.book.RUnlock()
	b.accounts[n].mu.Lock()
	if refused {
		return
	}
	b.accounts[n].balance++
	time.Sleep(takes)
	b.accounts[n].mu.Unlock()
}

//go:noinline
func (b *bank) settle(takes time.Duration) {
	b.book.Lock()
	time.Sleep(takes)
	b.book.Unlock()
}

func main() {
	leak := flag.Bool("leak", false, "refuse with the lock held")
	lab.Start()
	b := &bank{}
	settlements := []struct{ at, takes float64 }{{14, 5}, {33, 9}, {61, 14}, {97, 3}}
	refusals := 0.0
	lab.Forever(150, func(now float64) {
		refused := false
		if *leak {
			if lab.Leaks(now, 36) && now > refusals {
				refused = true
				refusals = now + 3
			}
		} else if len(settlements) > 0 && now > settlements[0].at {
			go b.settle(lab.Ticks(settlements[0].takes))
			settlements = settlements[1:]
		}
		go b.transfer(lab.Rand.IntN(len(b.accounts)), refused, lab.Ticks(0.1+0.3*lab.Rand.Float64()))
		lab.Garbage(40 * lab.KiB)
	})
}
