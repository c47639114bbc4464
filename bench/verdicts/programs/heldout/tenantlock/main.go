// Program tenantlock books orders under a lock for each tenant. One refused order leaves by an early return with the
// lock still held, and from then on every order of that tenant waits for ever.
package main

import (
	"errors"
	"sync"

	"verdicts/internal/lab"
)

const (
	tenants = 40
	perTick = 40
	orders  = 22 // a turn: 880 a tick, about 22 of them of any one tenant
	onset   = 33
)

type account struct {
	mu      sync.Mutex
	balance int
	ledger  []byte
}

var errRefused = errors.New("refused")

func newDraft(size int) []byte { return make([]byte, size) }

func (a *account) book(amount int, refuse bool) error {
	draft := newDraft(16<<10 + amount)
	a.mu.Lock()
	if refuse {
		return errRefused
	}
	a.balance += amount
	a.ledger[a.balance%len(a.ledger)] = draft[0]
	a.mu.Unlock()
	return nil
}

func main() {
	lab.Start()
	accounts := make([]*account, tenants)
	for i := range accounts {
		accounts[i] = &account{ledger: make([]byte, 1<<20)}
	}
	refused := false
	lab.Forever(perTick, func(now float64) {
		refuse := !refused && now >= onset
		if refuse {
			refused = true
			lab.Onset()
			_ = accounts[7].book(1, true)
		}
		for range orders {
			go accounts[lab.Rand.IntN(tenants)].book(1, false)
		}
	})
}
