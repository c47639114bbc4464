// Ledger books postings, each in a goroutine of its own under the lock of its account. Healthy, a reconciliation holds
// the whole ledger for a while and postings queue up behind it. With -leak a posting that is rejected returns without
// unlocking its account, first that of the largest merchant.
package main

import (
	"flag"
	"sync"
	"time"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "return without unlocking")
	onset = flag.Float64("onset", 26, "tick of the first rejected posting")
	rate  = flag.Int("rate", 160, "postings a tick")
)

type account struct {
	mu      sync.Mutex
	balance int
}

//go:noinline
func (a *account) post(amount int, reject bool) bool {
	a.mu.Lock()
	if reject {
		return false
	}
	a.balance += amount
	a.mu.Unlock()
	return true
}

type ledger struct {
	closing  sync.RWMutex
	accounts [3000]account
}

//go:noinline
func (l *ledger) submit(to, amount int, reject bool) {
	l.closing.RLock()
	defer l.closing.RUnlock()
	time.Sleep(lab.Ticks(0.3))
	l.accounts[to].post(amount, reject)
}

func (l *ledger) reconcile(hold float64) {
	l.closing.Lock()
	defer l.closing.Unlock()
	time.Sleep(lab.Ticks(hold))
}

func main() {
	lab.Start()
	l := &ledger{}
	next := 15.0
	rejected := 0
	lab.Forever(*rate, func(now float64) {
		if !*leak && now > next {
			hold := 6 + lab.Rand.Float64()*9
			go l.reconcile(hold)
			next = now + hold + 9 + lab.Rand.Float64()*12
		}
		to := 1 + lab.Rand.IntN(2999)
		if lab.Rand.IntN(100) < 8 {
			to = 0
		}
		reject := false
		if *leak && lab.Leaks(now, *onset) {
			if rejected == 0 {
				to, reject = 0, true
			} else if lab.Rand.IntN(3**rate) == 0 {
				reject = true
			}
			if reject {
				rejected++
			}
		}
		go l.submit(to, lab.Rand.IntN(900)-450, reject)
		lab.Garbage(32 * lab.KiB)
	})
}
